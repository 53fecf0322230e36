import logging
import logging.config
from collections.abc import Iterator
from logging.handlers import MemoryHandler

import pytest

from deployments.ray_serve.log import keep_log_open


@pytest.fixture
def handler() -> Iterator[MemoryHandler]:
    """Yield a handler like Serve's, which logs into memory first and then to a target."""
    handler = MemoryHandler(capacity=10, target=logging.NullHandler())
    yield handler
    handler.close()


@pytest.mark.parametrize("keep", [False, True])
def test_a_handler_outlives_vllms_configuration(
    handler: MemoryHandler, keep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if keep:
        name = "_clearExistingHandlers"
        monkeypatch.setattr(logging.config, name, getattr(logging.config, name))
        keep_log_open()
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    assert (handler.target is not None) is keep
