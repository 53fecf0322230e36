"""Runs a function of `vllm_ranks` at every rank of a gang, each in a process of its own."""

import multiprocessing
import os
import socket
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib import import_module
from multiprocessing.context import ForkServerContext
from typing import Any
from unittest.mock import patch

VLLM_RANKS = "tests.model_shards.quantized.vllm_ranks"
_LIMIT_S = 240
_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_MLA_DISABLE": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "GLOO_SOCKET_IFNAME": "lo",
}


def at_every_rank(size: int, work: str, *args: Any, plugin: bool = True, **named: Any) -> list[Any]:
    """Return what `work(rank, size, port, *args)` of `vllm_ranks` returns, in order of ranks.

    `plugin` tells whether the ranks have the plugin of activation scales.
    """
    with (
        patch.dict(os.environ, _ENVIRONMENT),
        ProcessPoolExecutor(size, mp_context=_forks()) as pool,
    ):
        port = _free_port()
        ranks = [
            pool.submit(_work, work, plugin, rank, size, port, *args, **named)
            for rank in range(size)
        ]
        return [rank.result(_LIMIT_S) for rank in ranks]


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([VLLM_RANKS])
    return context


def _work(work: str, plugin: bool, *args: Any, **named: Any) -> Any:
    os.environ.update(_ENVIRONMENT)  # the server's own is that of its first start
    from model_shards.loading import activation_scales

    if plugin:
        activation_scales.register()
    else:
        os.environ["VLLM_PLUGINS"] = "small4_expert_shards"
    # It is there already, unless another test has started this process's server.
    return getattr(import_module(VLLM_RANKS), work)(*args, **named)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
