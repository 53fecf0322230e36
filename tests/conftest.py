"""Two lanes of tests; Hypothesis has no deadlines, since a busy machine is no fault of a test."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_LANE = pytest.StashKey[str]()
_LANES = {
    "fast": "tests that start no engine",
    "system": "tests that start engines, clusters and other processes, and kill them",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast lane first."""
    items.sort(key=lambda item: _lane(item) == "system")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Print which lane runs, where one begins."""
    lane = _lane(item)
    if item.config.stash.get(_LANE, None) != lane:
        item.config.stash[_LANE] = lane
        reporter = item.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_sep("=", f"{lane} lane: {_LANES[lane]}")
    return (yield)


def _lane(item: pytest.Item) -> str:
    return "system" if "tests/system" in item.nodeid else "fast"
