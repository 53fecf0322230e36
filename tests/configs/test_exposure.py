from pathlib import Path

import pytest
from pydantic import ValidationError

from configs.access import Access
from configs.errors import ConfigError
from configs.exposure import reachable_at, refuse_to_expose

KEYED = Access(keys_file=Path("keys.yaml"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "my-host"])
def test_without_keys_nobody_else_gets_in(host: str) -> None:
    with pytest.raises(ConfigError, match="keys_file"):
        refuse_to_expose(Access(), host)
    refuse_to_expose(KEYED, host)
    refuse_to_expose(Access(keys_env="KEYS"), host)
    refuse_to_expose(Access(open=True), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_this_machine_no_keys_are_needed(host: str) -> None:
    refuse_to_expose(Access(), host)


def test_open_with_keys_is_a_contradiction() -> None:
    with pytest.raises(ValidationError, match="one of"):
        Access(keys_file=Path("keys.yaml"), open=True)


@pytest.mark.parametrize(
    ("host", "client"), [("0.0.0.0", "127.0.0.1"), ("10.0.0.7", "10.0.0.7"), ("name", "name")]
)
def test_clients_connect_to_an_address(host: str, client: str) -> None:
    assert reachable_at(host) == client
