"""What a rolling upgrade tells the routers that it replaces, and what they report."""

from configs.schema import Strict


class Handover(Strict):
    """The application that takes over, and the share of new requests that go there, 0 to 1."""

    hosts: tuple[str, ...]  # where HAProxy listens
    port: int
    prefix: str  # of the application
    share: float


class HandoverReport(Strict):
    """One router's requests: those that are open here, or there, and those that failed there."""

    router: str
    kept: int = 0
    handed_over: int = 0
    failed: int = 0  # ever
