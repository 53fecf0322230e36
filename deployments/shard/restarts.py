"""Whether a lost engine is started again in its replica: a pure policy."""

from deployments.wire.loss import How

# Processes that hang may be on a node that does: Serve places the gang anew.
_DIED = (How.KILLED, How.FAILED, How.WAITING)
_SOON = 2


class Restarts:
    """Counts the starts of one replica's engine.

    All ranks of a gang do so at once, each by its own count. They needn't agree: if one leaves it
    to Serve, Serve ends the others.
    """

    def __init__(self) -> None:
        self.count = 0
        self._soon = 0  # ends in a row that came sooner than a gang takes to start

    def may(self, how: How, lived_s: float, start_s: float) -> bool:
        """Tell whether to start the engine again, and count it.

        An engine that ends soon, twice in a row, is left to Serve, in a new process.
        """
        self._soon = self._soon + 1 if lived_s < start_s else 0
        if how not in _DIED or self._soon >= _SOON:
            return False
        self.count += 1
        return True
