import itertools

import pytest

from deployments.bench.workload import Workload, prompts, warm_up


@pytest.mark.parametrize(
    ("streams", "saturated_per_s", "count"),
    [
        (16, 60, 608),  # ten seconds, in whole waves
        (64, 60, 640),
        (1, 60, 60),  # one stream doesn't saturate the server
        (1, 4, 24),  # never fewer than this
        (16, 4, 48),
        (64, 4, 128),  # nor fewer than two waves
    ],
)
def test_a_run_lasts_about_ten_seconds(streams: int, saturated_per_s: float, count: int) -> None:
    assert prompts(streams, saturated_per_s) == count


def test_the_client_is_told_the_whole_workload() -> None:
    flags = Workload(streams=64, prompts=128, seed=2).flags()
    values = dict(itertools.pairwise(flags))
    assert values["--max-concurrency"] == "64"
    assert values["--num-prompts"] == "128"
    assert values["--seed"] == "2"
    assert (values["--random-input-len"], values["--random-output-len"]) == ("64", "32")
    assert values["--temperature"] == "0"
    assert "--ignore-eos" in flags


def test_the_warm_up_saturates() -> None:
    assert warm_up().streams == 16
