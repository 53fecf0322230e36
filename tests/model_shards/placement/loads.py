"""Loads of any shape, and the numbers of groups that their experts can stand in."""

from hypothesis import strategies as st

from model_shards.placement.expert_load import ExpertLoad

# Many equal loads, some tokens more or less, and a few busy experts.
_TOKENS = st.one_of(st.integers(0, 3), st.integers(0, 1000), st.integers(0, 10**15))


def divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


@st.composite
def loads_and_groups(draw: st.DrawFn, max_experts: int = 48) -> tuple[ExpertLoad, int]:
    experts = draw(st.integers(1, max_experts))
    layer = st.lists(_TOKENS, min_size=experts, max_size=experts).map(tuple)
    layers = draw(st.lists(layer, min_size=1, max_size=3).map(tuple))
    return ExpertLoad(tokens=layers), draw(st.sampled_from(divisors(experts)))
