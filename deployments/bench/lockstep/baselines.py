"""Applications to compare small4 with: small4 itself, with the choice of rank that others make.

They send each request at once, without waiting for room, as servers without admission do.
"""

import itertools
from collections.abc import Iterable

from ray.serve import Application

from configs.deployment import Deployment
from deployments.app import application
from deployments.scheduling.prefix_index import Cached
from deployments.scheduling.rank_load import RankLoad
from deployments.scheduling.ticket import Ticket

_turns = itertools.count()


def next_in_turn(_: Ticket, ranks: Iterable[RankLoad], __: Cached) -> tuple[RankLoad, int]:
    """Choose each rank in turn."""
    ordered = sorted(ranks, key=lambda rank: rank.replica)
    return ordered[next(_turns) % len(ordered)], 0


def fewest_requests(_: Ticket, ranks: Iterable[RankLoad], __: Cached) -> tuple[RankLoad, int]:
    """Choose the rank with the fewest requests."""
    return min(ranks, key=lambda rank: (rank.sequences, rank.replica)), 0


def round_robin(deployment: Deployment) -> Application:
    """Build small4 with `next_in_turn`."""
    return application(deployment, next_in_turn)


def least_loaded(deployment: Deployment) -> Application:
    """Build small4 with `fewest_requests`."""
    return application(deployment, fewest_requests)
