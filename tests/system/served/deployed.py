"""A deployment under test: brought up by `small4 serve`, looked at by `small4 status`."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from configs.serve_file import DEFAULT_CONFIG

Args = dict[str, Any]
_LOOK_EVERY_S = "1"
MODEL = "mistral-small-4"
# What the environment of the tests' Ray asks of HAProxy: to cut what is left of a reload. That
# small4 sets another value is seen in every test with a stream over a reload.
HARD_STOP_S = 5
SMALL4 = Path(sys.executable).with_name("small4")


def write_config(path: Path, *, gangs: Args, routers: Args, **args_too: Any) -> Path:
    """Write the shipped local config with other gangs, routers, and `args_too`.

    Its weights are random: their answers are long, and never end by themselves.
    """
    config = yaml.safe_load(DEFAULT_CONFIG.read_text("utf-8"))
    args = config["applications"][0]["args"]
    args["model"]["source"] = ".cache/nano-noise"
    args["weights"]["source"] = ".cache/nano-noise-shards"
    args["gangs"] = gangs
    args["routers"] = routers
    for name, more in args_too.items():
        args[name] = {**args.get(name, {}), **more}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Deployed:
    """What tests need to know of a running deployment."""

    config: Path
    url: str = "http://127.0.0.1:8000"
    model: str = MODEL

    @classmethod
    def up(cls, config: Path) -> "Deployed":
        """Bring a deployment up, in place of the one that another folder's tests have left."""
        command([str(SMALL4), "serve", str(config), "--detach"], timeout_s=400)
        return cls(config)

    def status(self) -> dict[str, Any]:
        """Ask `small4 status --json`."""
        text = command([str(SMALL4), "status", str(self.config), "--json"], timeout_s=150)
        status: dict[str, Any] = json.loads(text.splitlines()[-1])
        return status

    def wait_until(
        self, condition: Callable[[dict[str, Any]], bool], timeout_s: float
    ) -> dict[str, Any]:
        """Follow the status until `condition` holds of it."""
        words = [str(SMALL4), "status", str(self.config), "--json", "--every-s", _LOOK_EVERY_S]
        last, status = "none was given", dict[str, Any]()
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as looking:
            assert looking.stdout is not None
            late = threading.Timer(timeout_s, looking.kill)
            late.start()
            try:
                for last in looking.stdout:
                    if last.startswith("{") and condition(status := json.loads(last)):
                        return status
            finally:
                late.cancel()
                looking.kill()
        raise AssertionError(f"still not so after {timeout_s} s: {last}")


def command(arguments: list[str], timeout_s: float) -> str:
    """Run a command to its end and return what it printed."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"[-5000:]
    return done.stdout
