"""The backends are those of the installed vLLM."""

from typing import get_args

import pytest

from cluster.plan.all2all import DEFAULT, all2all
from configs.errors import ConfigError

_UNKNOWN = {"flashinfer_all2allv", "passthrough"}  # an old name, and one that nobody may choose
_GONE = {"naive", "pplx"}


def test_every_backend_of_vllm_is_taken_or_refused_for_a_reason() -> None:
    from vllm.config.parallel import All2AllBackend, ParallelConfig

    assert ParallelConfig.all2all_backend == DEFAULT
    for backend in set(get_args(All2AllBackend)) - _UNKNOWN - _GONE:
        assert all2all(backend, ranks=8, precision="bf16")[0] == backend


def test_a_lone_rank_exchanges_nothing() -> None:
    assert "nobody" in all2all(None, ranks=1, precision="fp8")[1]


def test_without_gpus_there_is_one() -> None:
    backend, reason = all2all(None, ranks=2, precision="bf16", on_gpus=False)
    assert backend == DEFAULT
    assert "gloo" in reason


@pytest.mark.parametrize("gone", sorted(_GONE))
def test_what_is_gone_from_vllm_is_refused(gone: str) -> None:
    with pytest.raises(ConfigError, match=f"{gone} is gone from vLLM"):
        all2all(gone, ranks=8, precision="bf16")
