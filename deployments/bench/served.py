"""A deployment that a bench starts with `small4 serve`, and stops."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from configs.errors import BenchError
from deployments.ray_serve.rest_api import ServeApi

_SMALL4 = str(Path(sys.executable).with_name("small4"))


class Served:
    """A deployment on this machine; `start` starts a Ray for it, and `stop` stops both."""

    url, model = "http://127.0.0.1:8000", "mistral-small-4"

    def __init__(self, raw: dict[str, Any], config: Path) -> None:
        """Take a Serve config, `raw`; `start` writes it to `config`."""
        self._raw = raw
        self._config = config
        self._started = False

    def start(self) -> None:
        """Serve the config.

        Raises BenchError if a Ray is running already, or if the deployment doesn't come up.
        """
        if ServeApi().reachable():
            raise BenchError("a Ray is running on this machine, and the bench needs its own.")
        self._started = True  # or partly: `small4 serve` may fail halfway
        self._config.write_text(yaml.safe_dump(self._raw), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own words
            [_SMALL4, "serve", str(self._config), "--detach"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BenchError(f"small4 doesn't come up: {done.stdout}{done.stderr}")

    def stop(self) -> None:
        """Stop what `start` has started; somebody else's Ray is left alone."""
        if self._started:
            subprocess.run([_SMALL4, "stop"], capture_output=True, check=False)  # noqa: S603
