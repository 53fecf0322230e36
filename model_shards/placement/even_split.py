"""Splits experts into parts of one size whose loads are as even as swaps make them."""

from collections.abc import Sequence

Part = list[int]


def even_split(experts: Sequence[int], tokens: Sequence[int], parts: int) -> list[Part]:
    """Split experts into `parts` of one size and even load.

    The heaviest part has at most `mean + (1 - 1/parts) * (largest - smallest expert)`.

    The busiest expert left goes to the lightest part that has room; then the heaviest and the
    lightest part swap experts while that makes the heavier of the two lighter. Equal loads go by
    number, so one input has one result.

    Proof of the bound: at the end no expert a of the heaviest part H and b of the lightest part L
    have `0 < a - b < H - L`. If H > L, parts of one size have a pair with a > b, hence
    `H - L <= a - b <= D`, the largest less the smallest. The other parts have at least L >= H - D,
    so the total is at least `H + (parts - 1) * (H - D)`. Each swap lowers the sum of squares of
    integers, so there is an end.
    """
    split = _greedy(experts, tokens, parts)
    loads = [sum(tokens[expert] for expert in part) for part in split]
    while True:
        heavy, light = loads.index(max(loads)), loads.index(min(loads))
        pair = _best_swap(split[heavy], split[light], tokens, loads[heavy] - loads[light])
        if pair is None:
            return split
        _swap(split[heavy], split[light], *pair)
        moved = tokens[pair[0]] - tokens[pair[1]]
        loads[heavy] -= moved
        loads[light] += moved


def _greedy(experts: Sequence[int], tokens: Sequence[int], parts: int) -> list[Part]:
    split: list[Part] = [[] for _ in range(parts)]
    loads = [0] * parts
    open_parts = set(range(parts))
    for expert in sorted(experts, key=lambda expert: (-tokens[expert], expert)):
        lightest = min(open_parts, key=lambda part: (loads[part], part))
        split[lightest].append(expert)
        loads[lightest] += tokens[expert]
        if len(split[lightest]) == len(experts) // parts:
            open_parts.remove(lightest)
    return split


def _best_swap(
    heavy: Part, light: Part, tokens: Sequence[int], difference: int
) -> tuple[int, int] | None:
    """Return the pair whose swap leaves the two parts closest, if any brings them closer."""
    left, a, b = min(
        (abs(difference - 2 * (tokens[a] - tokens[b])), a, b) for a in heavy for b in light
    )
    return (a, b) if left < difference else None


def _swap(heavy: Part, light: Part, a: int, b: int) -> None:
    heavy[heavy.index(a)], light[light.index(b)] = b, a
