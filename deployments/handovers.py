"""A handover and its reports, as the roster keeps them: soft state, told again and again."""

from deployments.wire.handover import Handover, HandoverReport

EXPIRE_AFTER_S = 5.0


class Handovers:
    """Without a handover, routers answer everything themselves. Times are the caller's clock."""

    def __init__(self) -> None:
        self.current: Handover | None = None
        self._reports: dict[str, tuple[float, HandoverReport]] = {}

    def hear(self, report: HandoverReport, now_s: float) -> None:
        """Take a router's report."""
        self._reports[report.router] = now_s, report

    def reports(self, now_s: float) -> list[HandoverReport]:
        """Return the last report of each router that has reported of late."""
        self._reports = {
            router: (heard_s, report)
            for router, (heard_s, report) in self._reports.items()
            if now_s - heard_s < EXPIRE_AFTER_S
        }
        return [report for _, report in self._reports.values()]
