"""The keys that are valid now, as the file or the environment has them."""

import hmac
import logging
import os
import time
from pathlib import Path

from configs.access import Access
from configs.errors import ConfigError
from configs.keys import Key, KeysFile, hashed

logger = logging.getLogger("ray.serve")

_LOOK_EVERY_S = 1.0


class KeyRing:
    """Finds keys by their secret; reads the keys' file again when it has changed.

    A new file that can't be used changes nothing. Raises ConfigError if the keys can't be used at
    the start.
    """

    def __init__(self, access: Access) -> None:
        self._path = access.keys_file
        self._looked_s = time.monotonic()
        self._version = self._seen()
        self.keys: tuple[Key, ...] = ()
        if self._path is not None:
            self.keys = KeysFile.load(self._path).keys
        elif access.keys_env is not None:
            self.keys = KeysFile.parse(_variable(access.keys_env), f"${access.keys_env}").keys

    def find(self, presented: str) -> Key | None:
        """Return the key whose secret is presented; None if there is none.

        Every key is compared, each in constant time: the time it takes reveals nothing.
        """
        self._look()
        if not presented:
            return None
        digest, matching = hashed(presented), None
        for key in self.keys:
            if hmac.compare_digest(key.sha256, digest):
                matching = key
        return matching

    def _look(self) -> None:
        if self._path is None or time.monotonic() - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = time.monotonic()
        if (version := self._seen()) == self._version:
            return
        self._version = version
        try:
            self.keys = KeysFile.load(self._path).keys
            logger.info("%d keys read from %s", len(self.keys), self._path)
        except ConfigError as error:
            logger.error("the keys stay as they were: %s", error)

    def _seen(self) -> tuple[int, int, int] | None:
        """Return the file's version, which changes when it is written or replaced."""
        path: Path | None = self._path
        try:
            stat = path.stat() if path is not None else None
        except OSError:
            return None
        return stat and (stat.st_mtime_ns, stat.st_ino, stat.st_size)


def _variable(name: str) -> str:
    text = os.environ.get(name)
    if not text:
        raise ConfigError(
            f"access.keys_env: {name} isn't set where the router runs: put it into the "
            "application's runtime_env.env_vars, or name a keys_file."
        )
    return text
