"""What can go wrong in a comparison."""

from configs.errors import Small4Error


class BenchError(Small4Error):
    """A server or the client failed, or a result can't be compared."""
