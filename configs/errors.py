"""All errors that small4 raises on purpose. A message names the field, its value and the remedy."""

from collections.abc import Mapping


class Small4Error(Exception):
    """Base of all errors; the command line prints them without a traceback."""


class ConfigError(Small4Error):
    """A YAML file or a builder argument that can't be served."""


class FitError(ConfigError):
    """A model that doesn't fit the machines that a manifest gives it."""


class CheckpointError(Small4Error):
    """A checkpoint that is missing, incomplete or of another format."""


class StoreError(Small4Error):
    """A shard set in S3, or its copy here, that can't be reached, read or written."""


class OutOfReachError(StoreError):
    """S3 that doesn't answer, or is too busy, for longer than it was waited for."""


class ClusterError(Small4Error):
    """Ray or Serve isn't up, or something else is in its place."""


class BenchError(Small4Error):
    """A server or the client of a bench failed, or a result can't be compared."""


class RefusedError(Small4Error):
    """A client's request that isn't served; `headers` are sent with the answer.

    `deployments/front_end/refusals.py` gives each kind its HTTP status.
    """

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class UnknownKeyError(RefusedError):
    """The request brings no key, or one that isn't in the keys file."""


class ForbiddenModelError(RefusedError):
    """The request's key may not use the model that is served."""


class BodyTooLargeError(RefusedError):
    """The request's body is larger than `limits.body_mib`."""


class QuotaError(RefusedError):
    """The request's key has used up one of its limits."""


class LineFullError(RefusedError):
    """The router's line is full; the newest request of the lowest class is refused."""


class WaitedTooLongError(RefusedError):
    """No rank had room in time: the deployment is too small for its load."""


class NoGangError(RefusedError):
    """No gang came up in time."""


class CantMoveError(RefusedError):
    """The request's rank is lost or needed, and no other could go on with its random numbers."""


class EndedEnginesError(RefusedError):
    """Two engines ended with the request, at the same token."""


class TookTooLongError(RefusedError):
    """The request has taken longer than `limits.request_s`."""


class UnreadError(RefusedError):
    """The client leaves more than `limits.unread_tokens` of its stream unread."""


class BusyFetchingError(RefusedError):
    """The router fetches `limits.image_fetches` images already."""
