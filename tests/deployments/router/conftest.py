from tests.model_shards.conftest import location, proxy, server_port  # noqa: F401 - fixtures
