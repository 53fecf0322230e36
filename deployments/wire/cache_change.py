"""What ranks tell routers of their prefix caches."""

import msgspec


class CacheChange(msgspec.Struct, array_like=True, frozen=True):
    """How a rank's prefix cache has changed, as hashes of blocks; `cleared` comes first."""

    cleared: bool
    stored: list[int]
    removed: list[int]
