"""Which experts get copies, and how copies of one expert are kept apart."""

from collections import Counter
from collections.abc import Sequence

Group = list[int]


def with_copies(tokens: Sequence[int], slots: int, most: int) -> list[int]:
    """Return the expert of each of `slots`, in the order of experts; each has at most `most`.

    Each copy goes to the expert whose copies are the busiest so far. Equal loads go by number.
    """
    copies = [1] * len(tokens)
    for _ in range(slots - len(tokens)):
        open_experts = [expert for expert, count in enumerate(copies) if count < most]
        busiest = max(open_experts, key=lambda expert: (tokens[expert] / copies[expert], -expert))
        copies[busiest] += 1
    return [expert for expert, count in enumerate(copies) for _ in range(count)]


def separate(groups: Sequence[Group], tokens: Sequence[float]) -> None:
    """Swap experts between groups, in place, until no group has two copies of one expert.

    A second copy goes to a group that lacks the expert, for one of nearly the same load. `tokens`
    has the load of one copy. A copy for which there is no such swap stays: it only takes room.
    """
    for group in groups:
        for expert, count in Counter(group).items():
            for _ in range(count - 1):
                _move(expert, group, groups, tokens)


def _move(expert: int, group: Group, groups: Sequence[Group], tokens: Sequence[float]) -> None:
    swaps = [
        (abs(tokens[other] - tokens[expert]), number, other)
        for number, into in enumerate(groups)
        if expert not in into
        for other in into
        if other not in group
    ]
    if swaps:
        _, number, other = min(swaps)
        into = groups[number]
        group[group.index(expert)], into[into.index(other)] = other, expert
