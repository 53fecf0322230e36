"""The message about a prefix cache that a rank sends to routers."""

import msgspec


class CacheChange(msgspec.Struct, array_like=True, frozen=True):
    """How a rank's prefix cache has changed, as hashes of blocks; `cleared` comes first."""

    cleared: bool
    stored: list[int]
    removed: list[int]
