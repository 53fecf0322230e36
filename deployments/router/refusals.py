"""Requests that get no rank: each says why, with the status that tells clients what to do."""

from http import HTTPStatus

from vllm.exceptions import GracefulHTTPError

from deployments.access.allowances import QuotaError
from deployments.scheduling.waiting_line import Tier


class NoGangError(GracefulHTTPError):
    """No gang came up in time; 503, so that clients try again."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(
            f"No copy of the model has been up for {deadline_s:g} s. Try again later; the "
            "operator sees what is missing with `small4 status`.",
            HTTPStatus.SERVICE_UNAVAILABLE,
        )


class LineFullError(GracefulHTTPError):
    """429: whoever sends more should send slower. Of several classes the lowest hears it."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting} requests wait already, which is all that may. Try again after the seconds "
            "in `Retry-After`.",
            HTTPStatus.TOO_MANY_REQUESTS,
        )


class WaitedTooLongError(GracefulHTTPError):
    """503: the deployment is too small for what it is asked."""

    def __init__(self, tier: Tier, waited_s: float) -> None:
        super().__init__(
            f"No rank had room within {waited_s:g} s, the longest that a request of class "
            f"{tier.name.lower()} waits. Try again later.",
            HTTPStatus.SERVICE_UNAVAILABLE,
        )


class UsedUpError(GracefulHTTPError):
    """429: the request's key has no tokens left."""

    def __init__(self, error: QuotaError) -> None:
        super().__init__(str(error), HTTPStatus.TOO_MANY_REQUESTS)
        self.headers = error.headers
