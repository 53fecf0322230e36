"""Decides each step of a rolling upgrade: a pure object that is told what is seen."""

from dataclasses import dataclass
from typing import NamedTuple

# HAProxies, routers and the roster hear of a change within this time.
SETTLE_S = 5.0


@dataclass(frozen=True, slots=True)
class Side:
    """The old or the new application, as it is now."""

    up: int = 0  # gangs that are whole
    asked: int = 0  # gangs that Serve was asked for; 0 if the application isn't deployed
    ready: bool = False  # its routers answer
    requests: int = 0  # that are open there
    failed: str = ""  # why Serve gave it up


@dataclass(frozen=True, slots=True)
class Seen:
    """Both applications; `failures` are gangs that the new one lost, and requests it failed."""

    old: Side
    new: Side
    failures: int = 0
    switched: bool = False  # the new one has the address that clients know


class Wanted(NamedTuple):
    """What should be: gangs of both (0: no application), and the new one's share of requests."""

    old: int
    new: int
    share: float
    switched: bool
    why: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for."""

    old_gangs: int  # at the start
    new_gangs: int
    in_place: bool = False  # a gang goes before another comes
    share: float = 0.0  # of requests, that the first new gang is tried with
    share_s: float = 0.0
    start_timeout_s: float = 1800.0  # for a gang
    failures: int = 0  # that are borne with


class Rollout:
    """Goes from look to look. Once it goes back, it stays with that.

    It can go back until the new application has the address; from then on it only waits for the
    old one's last requests.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.failed = ""  # why it goes back
        self._ready = False
        self._tried_since_s: float | None = None
        self._all_since_s: float | None = None
        self._idle_since_s: float | None = None
        self._old, self._new = plan.old_gangs, 0  # gangs that were wanted last
        self._progress = 0
        self._progress_s: float | None = None

    def go_back(self, why: str) -> None:
        self.failed = self.failed or why

    def next(self, seen: Seen, now_s: float) -> Wanted:
        """Return what should be from now on."""
        if seen.switched:
            return self._part(seen, now_s)
        if why := self._failure(seen, now_s):
            self.go_back(why)
        if self.failed:
            return self._back(seen)
        wanted = self._forward(seen, now_s)
        # A roster that has just restarted lists no gang: no gang goes or comes back for that.
        self._new = max(self._new, wanted.new)
        self._old = min(self._old, wanted.old)
        return wanted._replace(old=self._old, new=self._new)

    def _failure(self, seen: Seen, now_s: float) -> str:
        plan = self._plan
        if seen.new.failed:
            return f"Serve gave the new application up: {seen.new.failed}"
        if seen.failures > plan.failures:
            return (
                f"{seen.failures} failures (gangs that the new application lost, requests that it "
                f"failed), and {plan.failures} are borne with"
            )
        if self._progress_s is None or seen.new.up > self._progress or not self._awaits_gang(seen):
            self._progress, self._progress_s = seen.new.up, now_s
        if now_s - self._progress_s > plan.start_timeout_s:
            return f"a gang of the new application isn't up after {plan.start_timeout_s:g} s"
        return ""

    def _awaits_gang(self, seen: Seen) -> bool:
        return seen.new.up < seen.new.asked and not self._last_in_place(seen)

    def _last_in_place(self, seen: Seen) -> bool:
        """Tell whether the old one's last gang must go, for the new one's last to come."""
        return self._plan.in_place and seen.new.up >= self._beside

    @property
    def _beside(self) -> int:
        """The number of new gangs that come while the old application has one."""
        plan = self._plan
        return min(plan.new_gangs, plan.old_gangs - 1) if plan.in_place else plan.new_gangs

    def _forward(self, seen: Seen, now_s: float) -> Wanted:
        plan, up = self._plan, seen.new.up
        self._ready |= seen.new.ready  # a router that is lost later is for Serve to bring back
        if not self._ready:
            return Wanted(plan.old_gangs, 1, 0.0, False, "the new application starts")
        if up < self._beside and not up:
            old = plan.old_gangs - plan.in_place
            return Wanted(old, 1, 0.0, False, "the first new gang starts")
        if plan.share and up:
            if self._tried_since_s is None:
                self._tried_since_s = now_s
            if now_s - self._tried_since_s < plan.share_s:
                why = f"{plan.share:.0%} of the requests go to the first new gang"
                old = plan.old_gangs - plan.in_place
                return Wanted(old, 1, plan.share, False, why)
        if up < self._beside:
            new = up + 1
            old = max(1, plan.old_gangs - (new if plan.in_place else up))
            share = up / (up + max(old, seen.old.up))
            return Wanted(old, new, share, False, f"{up} of {plan.new_gangs} new gangs are up")
        if self._all_since_s is None:
            self._all_since_s = now_s
        new = max(1, self._beside)
        switched = now_s - self._all_since_s >= max(SETTLE_S, plan.share_s if plan.share else 0)
        return Wanted(1, new, 1.0, switched, "all new requests go to the new application")

    def _part(self, seen: Seen, now_s: float) -> Wanted:
        """Let the old application go after its last request, then bring up what had no room."""
        new = max(1, self._beside)
        if not seen.old.asked:
            over = seen.new.up >= self._plan.new_gangs
            left = self._plan.new_gangs - seen.new.up
            why = "the new application serves" if over else f"{left} new gangs start"
            return Wanted(0, self._plan.new_gangs, 1.0, True, why, over)
        if seen.old.requests or self._idle_since_s is None:
            self._idle_since_s = now_s
        if now_s - self._idle_since_s < SETTLE_S:
            why = f"the old application has {seen.old.requests} requests left"
            return Wanted(1, new, 1.0, True, why)
        return Wanted(0, new, 1.0, True, "the old application goes")

    def _back(self, seen: Seen) -> Wanted:
        """Have the old application as it was, and let the new one go after its last request."""
        plan = self._plan
        gone = not seen.new.asked
        whole = seen.old.up >= plan.old_gangs
        if gone:
            return Wanted(plan.old_gangs, 0, 0.0, False, "the old application serves", whole)
        left = seen.new.requests
        if left or not (whole or plan.in_place):
            new = min(seen.new.asked, 1) if plan.in_place else seen.new.asked
            why = f"it goes back; the new application has {left} requests left"
            return Wanted(plan.old_gangs, new, 0.0, False, why)
        return Wanted(plan.old_gangs, 0, 0.0, False, "the new application goes")
