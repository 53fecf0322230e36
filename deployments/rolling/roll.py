"""Carries a rolling upgrade out, by Serve's REST API and the old application's roster."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from configs.deployment import Deployment
from configs.errors import ClusterError, ConfigError
from configs.exposure import is_loopback
from configs.serve_file import ServeFile
from deployments.losses import Cause
from deployments.ray_serve.handle import handle
from deployments.ray_serve.rest_api import ApplicationStatus, ServeApi, stands_for
from deployments.rolling.applications import (
    Raw,
    arriving,
    placed,
    plain,
    resized,
    same,
    successor_name,
)
from deployments.rolling.rollout import Plan, Rollout, Seen, Side, Wanted
from deployments.shard.deployment import shard_deployment_name
from deployments.wire.handover import Handover, HandoverReport
from deployments.wire.rank_entry import RankEntry

_LOOK_EVERY_S = 1.0
_CALL_S = 10.0
_PATIENCE_S = 120.0


class _Application:
    """One of the two: what it is in Serve, and what its roster says."""

    def __init__(self, name: str, raw: Raw) -> None:
        self.name = name
        self.raw = raw
        self.deployment = Deployment.model_validate(raw["args"])
        self._shards = shard_deployment_name(self.deployment.gangs.ranks)
        self._roster: Any = None

    def gangs(self, status: ApplicationStatus | None) -> int:
        """Return how many gangs Serve was asked for."""
        shards = status and status.deployment(self._shards)
        return shards.wanted // self.deployment.gangs.ranks if shards else 0

    def sized(self, gangs: int) -> Raw:
        """Return its config with so many gangs."""
        return resized(self.raw, {self._shards: gangs * self.deployment.gangs.ranks})

    def arriving(self, gangs: int) -> Raw:
        """Return its config with so many gangs, beside the application whose address it takes."""
        return arriving(self.sized(gangs), "Router", self._shards)

    def side(self, status: ApplicationStatus | None, requests: int) -> Side:
        """Return what the rollout looks at."""
        if status is None:
            return Side()
        routers = status.deployment("Router")
        return Side(
            up=_whole(self.ask("living") or []),
            asked=self.gangs(status),
            ready=bool(routers and routers.running >= routers.wanted > 0),
            requests=requests,
            failed=status.reason if status.status == "DEPLOY_FAILED" else "",
        )

    def lost(self, within_s: float) -> int:
        """Return how many of its gangs were lost in the last `within_s`."""
        causes: list[Cause] = self.ask("causes") or []
        return sum(cause.at_s <= within_s for cause in causes)

    def ask(self, method: str, *args: Any) -> Any:
        """Call the roster; return None if it doesn't answer."""
        with contextlib.suppress(Exception):
            self._roster = self._roster or handle(self.name, "Roster")
            return getattr(self._roster, method).remote(*args).result(timeout_s=_CALL_S)
        return None


class Roll:
    """A roll from the application that serves to the one of `file`; `say` gets a line a step.

    A roll that was interrupted goes on where it stopped, and one to the old config goes back.
    """

    def __init__(self, file: ServeFile, say: Callable[[str], None]) -> None:
        """Find both applications.

        Raises ClusterError if nothing serves, ConfigError if `file` serves already.
        """
        self._api = ServeApi()
        self._file = file
        self._say = say
        running = {
            name: status
            for name, status in self._api.applications().items()
            if stands_for(name, file.application)
        }
        raw = file.raw_application
        target = next((name for name, app in running.items() if same(app.config, raw)), None)
        others = [name for name in running if name != target]
        if not running:
            raise ClusterError(f"no application {file.application!r} is deployed: `small4 serve`.")
        if not others:
            raise ConfigError(f"{file.path}: that is what is deployed already")
        if len(others) > 1:
            raise ConfigError(
                f"a roll between {others[0]} and {others[1]} isn't over: run `small4 roll` with "
                "the config of one of them first"
            )
        if (name := target or successor_name(file.application, raw)) in self._api.deleted():
            raise ClusterError(f"{name} still ends its last streams: try again when it is gone.")
        self._old = _Application(others[0], plain(running[others[0]].config))
        self._new = _Application(name, raw)
        self._old_gangs = self._old.gangs(running[others[0]])
        self._deployed: Raw | None = None
        self._failed_before: int | None = None
        self._begun_s = self._answered_s = time.monotonic()

    @property
    def old_gangs(self) -> int:
        """The number of gangs that the old application has, or had before an interrupted roll."""
        gangs = self._old.deployment.gangs
        return max(1, self._old_gangs, 0 if gangs.autoscaling else gangs.count)

    def run(self, plan: Plan) -> None:
        """Roll. Raises ClusterError if it went back, with the reason.

        An interruption (Ctrl-C) makes it go back, and a second one leaves everything as it is.
        """
        rollout, said, wanted = Rollout(plan), "", None
        while wanted is None or not wanted.over:
            try:
                with self._patient():
                    wanted = rollout.next(self._look(), time.monotonic())
                    if wanted.why != said:
                        self._say(said := wanted.why)
                    self._make(wanted)
                time.sleep(_LOOK_EVERY_S)
            except KeyboardInterrupt:
                if rollout.failed:
                    raise
                rollout.go_back("it was interrupted")
        left = self._old if rollout.failed else self._new
        self._deploy([placed(left.raw, left.name, self._file.route_prefix)])
        if rollout.failed:
            raise ClusterError(f"the roll went back: {rollout.failed}")

    @contextlib.contextmanager
    def _patient(self) -> Iterator[None]:
        """Bear with a cluster that doesn't answer for `_PATIENCE_S`."""
        try:
            yield
            self._answered_s = time.monotonic()
        except ClusterError:
            if time.monotonic() - self._answered_s > _PATIENCE_S:
                raise

    def _look(self) -> Seen:
        running = self._api.applications()
        old, new = running.get(self._old.name), running.get(self._new.name)
        reports: list[HandoverReport] = (old and self._old.ask("handed_over")) or []
        if old and not reports:  # requests that aren't known of must not be cut
            raise ClusterError(f"the routers of {self._old.name} don't report what they have")
        failed = sum(report.failed for report in reports)
        if self._failed_before is None:
            self._failed_before = failed
        lost = self._new.lost(time.monotonic() - self._begun_s) if new else 0
        return Seen(
            old=self._old.side(old, sum(report.kept for report in reports)),
            new=self._new.side(new, sum(report.handed_over for report in reports)),
            failures=lost + max(0, failed - self._failed_before),
            switched=new is not None and new.route_prefix == self._file.route_prefix,
        )

    def _make(self, wanted: Wanted) -> None:
        """Have Serve and the old routers do what is wanted."""
        prefix, applications = self._file.route_prefix, []
        if wanted.old:
            old = self._old.sized(wanted.old)
            applications.append(placed(old, self._old.name, None if wanted.switched else prefix))
        if wanted.new:
            new = self._new.arriving(wanted.new)
            hidden = f"/{self._new.name}"
            applications.append(placed(new, self._new.name, prefix if wanted.switched else hidden))
        self._deploy(applications)
        if wanted.old:
            self._old.ask("hand_over", self._handover(wanted.share))

    def _deploy(self, applications: list[Raw]) -> None:
        others = [
            app for app in self._file.raw["applications"] if app is not self._file.raw_application
        ]
        config = self._file.raw | {"applications": others + applications}
        if config != self._deployed:
            self._api.deploy(config, instead_of=[self._old.name, self._new.name])
            self._deployed = config

    def _handover(self, share: float) -> Handover | None:
        if not share:
            return None
        host = self._file.host
        hosts = (host,) if is_loopback(host) else tuple(self._api.proxy_hosts())
        return Handover(hosts=hosts, port=self._file.port, prefix=f"/{self._new.name}", share=share)


def _whole(entries: list[RankEntry]) -> int:
    """Count the gangs all of whose ranks are up, used and not about to go."""
    present: dict[str, int] = {}
    for entry in entries:
        if not entry.draining and not entry.refused:
            present[entry.gang] = present.get(entry.gang, 0) + 1
    return sum(present[gang] == ranks for gang, ranks in {e.gang: e.ranks for e in entries}.items())
