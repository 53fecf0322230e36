"""Whether a request is what ends engines: a pure policy.

A request that makes an engine fail makes every engine fail, at the same token. So a request that
was at an engine when it ended is a suspect until another engine has taken it further. A rank has
one suspect at a time, so that its end has one cause.
"""

from collections.abc import Iterable

from deployments.wire.loss import Death, How

# An engine may have computed two tokens that its router hasn't received: it schedules a step ahead.
# A request that came this much further than before didn't end the engine.
CLEARED_AFTER_TOKENS = 3
_BY_ITSELF = (How.KILLED, How.FAILED, How.SILENT)


def to_blame(deaths: Iterable[Death]) -> tuple[str, ...]:
    """Return the requests that may have ended a gang, by their ids at the rank that died first.

    `deaths` are those of the gang's ranks that said how they ended. An engine that was stopped from
    outside, or that waited for others, wasn't ended by a request.
    """
    first = min(deaths, key=lambda death: (death.how, death.steps))
    return first.suspects if first.how in _BY_ITSELF else ()
