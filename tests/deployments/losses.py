"""Losses to test with."""

from deployments.wire.loss import How, Loss


def loss(rank: int = 0, how: How = How.KILLED, steps: int = 0, lived_s: float = 1.0) -> Loss:
    return Loss(
        gang="g",
        rank=rank,
        ranks=4,
        node="n",
        how=how,
        doing="",
        steps=steps,
        start_s=60,
        lived_s=lived_s,
    )
