"""A cluster that does what a rollout wants, a while later."""

from dataclasses import dataclass, replace

from deployments.rolling.rollout import Plan, Rollout, Seen, Side, Wanted

_START_S = 40.0  # of a gang
_DRAIN_S = 20.0


@dataclass
class World:
    """Gangs of both applications, on machines for `room` of them.

    `requests_s` is how long the old application's last request takes after its last new one.
    """

    plan: Plan
    room: int
    requests_s: float = 30.0
    fails_at_s: float = float("inf")  # gangs of the new application are lost from then on
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.rollout = Rollout(self.plan)
        self.looks: list[tuple[Seen, Wanted]] = []
        self._old = Side(up=self.plan.old_gangs, asked=self.plan.old_gangs, ready=True)
        self._new = Side()
        self._switched = False
        self._failures = 0
        self._starting_s: list[float] = []
        self._last_old_request_s = self._last_new_request_s = float("-inf")

    def run(self, for_s: float = 3600.0) -> Wanted:
        """Look every second until the rollout is over; return what it wanted last."""
        while self.now_s < for_s:
            seen = Seen(self._old, self._new, self._failures, self._switched)
            wanted = self.rollout.next(seen, self.now_s)
            self.looks.append((seen, wanted))
            if wanted.over:
                return wanted
            self._make(wanted)
            self.now_s += 1.0
        raise AssertionError(f"it isn't over: {self.looks[-1]}")

    def _make(self, wanted: Wanted) -> None:
        if wanted.share < 1 and not wanted.switched:
            self._last_old_request_s = self.now_s
        if wanted.share and self._new.up:
            self._last_new_request_s = self.now_s
        self._switched = wanted.switched
        self._old = replace(
            self._old,
            asked=wanted.old,
            up=self._toward(self._old.up, wanted.old, self._new.up),
            requests=int(self.now_s - self._last_old_request_s < self.requests_s),
        )
        up = self._toward(self._new.up, wanted.new, self._old.up)
        if self.now_s >= self.fails_at_s and up:
            self._failures += up
            up = 0
        self._new = replace(
            self._new,
            asked=wanted.new,
            ready=wanted.new > 0 and self.now_s > _DRAIN_S,
            up=up,
            requests=int(self.now_s - self._last_new_request_s < self.requests_s),
        )

    def _toward(self, up: int, asked: int, others: int) -> int:
        """Return the gangs that are up next: one more, if there is room, takes `_START_S`."""
        if asked <= up:
            return asked
        if up + others >= self.room or self.now_s % _START_S:
            return up
        return up + 1
