from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from configs.schema import PROJECT_ROOT


@pytest.fixture(scope="session")
def disk() -> Iterator[Path]:
    """Yield a directory on the bench's disk: the system's temporary directory may be in memory."""
    cache = PROJECT_ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=cache) as directory:
        yield Path(directory)
