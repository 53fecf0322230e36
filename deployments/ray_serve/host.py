"""The address on which Serve listens. Read from Ray 2.60, which has no public name for it."""


def listening_host() -> str:
    """Return the address on which HAProxy listens, and on which every router listens itself."""
    from ray.serve.context import _get_global_client

    host: str = _get_global_client().http_config.host
    return host
