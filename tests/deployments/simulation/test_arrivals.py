"""Traffic as a scenario describes it."""

import pytest

from configs.tier import Tier
from deployments.simulation.arrivals import arrivals
from tests.deployments.simulation.scenarios import burst, level, scenario

SHAPES = [
    (level(10, 100), 1000),
    ({"shape": "ramp", "duration_s": 100, "from_per_s": 0, "to_per_s": 20}, 1000),
    (
        {"shape": "square", "duration_s": 100, "period_s": 20, "low_per_s": 0, "high_per_s": 20},
        1000,
    ),
    (
        {"shape": "diurnal", "duration_s": 100, "period_s": 50, "low_per_s": 5, "high_per_s": 15},
        1000,
    ),
    (burst(300), 300),
]


@pytest.mark.parametrize("spacing", ["poisson", "even"])
@pytest.mark.parametrize(("shape", "requests"), SHAPES, ids=lambda value: str(value)[:20])
def test_a_shape_brings_as_many_requests_as_it_says(
    shape: dict[str, object], requests: int, spacing: str
) -> None:
    made = arrivals(scenario(shape, traffic={"spacing": spacing}).traffic)
    assert len(made) == pytest.approx(requests, rel=0.1)
    assert [request.number for request in made] == list(range(len(made)))
    assert [request.at_s for request in made] == sorted(request.at_s for request in made)
    assert max(request.at_s for request in made) < 100


def test_a_square_wave_is_low_first() -> None:
    shape = {"shape": "square", "duration_s": 20, "period_s": 20, "low_per_s": 0, "high_per_s": 9}
    assert min(request.at_s for request in arrivals(scenario(shape).traffic)) >= 10


def test_lengths_and_classes_are_drawn_as_described() -> None:
    traffic = scenario(
        level(20, 200),
        traffic={
            "prompt_tokens": {"median": 100, "sigma": 1, "most": 300},
            "classes": {"interactive": 1, "batch": 3},
        },
    ).traffic
    made = arrivals(traffic)
    prompts = sorted(request.prompt_tokens for request in made)
    assert prompts[len(prompts) // 2] == pytest.approx(100, rel=0.1)
    assert prompts[-1] == 300
    batch = sum(request.tier is Tier.BATCH for request in made)
    assert batch == pytest.approx(0.75 * len(made), rel=0.05)
    assert {request.answer_tokens for request in made} == {32}


def test_a_recorded_trace_comes_as_it_was() -> None:
    line = {"prompt_tokens": 5, "answer_tokens": 7, "class": "interactive"}
    recorded = [{"at_s": 3, **line}, {"at_s": 1, **line, "answer_tokens": 8}]
    first, second = arrivals(scenario(traffic={"recorded": recorded}).traffic)
    assert (first.at_s, first.answer_tokens, first.tier) == (1, 8, Tier.INTERACTIVE)
    assert (second.at_s, second.prompt_tokens) == (3, 5)


def test_the_seed_decides() -> None:
    traffics = (scenario(level(9, 50), traffic={"seed": seed}).traffic for seed in (1, 1, 2))
    first, same, other = ([request.at_s for request in arrivals(traffic)] for traffic in traffics)
    assert first == same != other
