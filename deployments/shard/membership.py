"""Whose rank a replica hosts, under names that are new with each start of its engine."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Membership:
    """One rank of one gang, from the start of its engine to that engine's end.

    Routers and the roster keep what they know of a rank by these names, so an engine that is
    started again in its replica, as those of its whole gang are, comes under others.
    """

    replica: str
    gang: str
    rank: int
    ranks: int

    def again(self, starts: int) -> "Membership":
        """Return this membership, of Serve's names, as of so many starts after the first."""
        if not starts:
            return self
        return replace(self, replica=f"{self.replica}~{starts}", gang=f"{self.gang}~{starts}")
