"""The Serve config that benches start from."""

from typing import Any

import yaml

from configs.schema import PROJECT_ROOT
from configs.serve_file import DEFAULT_CONFIG


def local_config() -> dict[str, Any]:
    """Return the shipped local config, as Serve takes it, with nano's random weights.

    `small4 nano build` writes these weights, and `small4 serve` cuts their shard set.
    """
    raw: dict[str, Any] = yaml.safe_load(DEFAULT_CONFIG.read_text("utf-8"))
    args = raw["applications"][0]["args"]
    args["model"]["source"] = str(PROJECT_ROOT / ".cache" / "nano-noise")
    args["weights"]["source"] = str(PROJECT_ROOT / ".cache" / "nano-noise-shards")
    return raw
