"""Keys to test with."""

from typing import Any

from configs.keys import Key, hashed


def key(name: str = "a", **limits: Any) -> Key:
    """Return a key whose secret is its name."""
    return Key.model_validate({"name": name, "sha256": hashed(name), **limits})
