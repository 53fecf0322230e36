"""small4 with the choice of rank that others make, as applications to measure ours beside.

They send each request at once, without waiting for room, as servers without admission do.
"""

import itertools
from collections.abc import Iterable
from typing import Any

from ray.serve import Application

from configs.deployment import Deployment
from deployments.app import application
from deployments.router.router import Router
from deployments.scheduling.prefix_index import Cached
from deployments.scheduling.rank_load import Room
from deployments.scheduling.waiting_line import Ticket

_turns = itertools.count()


def next_in_turn(_: Ticket, rooms: Iterable[Room], __: Cached) -> tuple[Room, int]:
    ordered = sorted(rooms, key=lambda room: room.replica)
    return ordered[next(_turns) % len(ordered)], 0


def fewest_requests(_: Ticket, rooms: Iterable[Room], __: Cached) -> tuple[Room, int]:
    return min(rooms, key=lambda room: (room.sequences, room.replica)), 0


class RoundRobinRouter(Router):
    def __init__(self, *args: Any) -> None:
        from deployments.scheduling import dispatch

        vars(dispatch)["cheapest"] = next_in_turn  # in this replica's own process
        super().__init__(*args)


class LeastLoadedRouter(Router):
    def __init__(self, *args: Any) -> None:
        from deployments.scheduling import dispatch

        vars(dispatch)["cheapest"] = fewest_requests
        super().__init__(*args)


def round_robin(deployment: Deployment) -> Application:
    return application(deployment, RoundRobinRouter)


def least_loaded(deployment: Deployment) -> Application:
    return application(deployment, LeastLoadedRouter)
