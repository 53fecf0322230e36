"""Runs vLLM on a `Run`, which gives an `Outcome`."""

import asyncio
from typing import Any

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.inputs import TokensPrompt
from vllm.logprobs import Logprob
from vllm.outputs import RequestOutput
from vllm.v1.engine.async_llm import AsyncLLM

from tests.system.parity.generation import (
    Cache,
    Counted,
    Generation,
    HeldExperts,
    Outcome,
    Request,
    Run,
)
from tests.system.parity.picture import picture

_ALTERNATIVES = 4


async def outcome(run: Run) -> Outcome:
    """Start the engine, answer wave after wave, and ask every rank for its experts."""
    engine = AsyncLLM.from_engine_args(_engine_args(run))
    try:
        generations: list[Generation] = []
        counted: list[list[Any]] = []
        await _ask_workers(engine, "start_counting")
        for number, wave in enumerate(run.waves):
            answers = (
                _answer(engine, request, f"{number}-{place}", request.rank % run.ranks)
                for place, request in enumerate(wave)
            )
            if number == len(run.waves) - 1:
                counted = await _ask_workers(engine, "counted")
                await _ask_workers(engine, "stop_counting")
            generations += await asyncio.gather(*answers)
        ranks = await _ask_workers(engine, "held_experts")
        read = await _ask_workers(engine, "read_bytes")
        weights = await _ask_workers(engine, "weight_bytes")
        caches = await _ask_workers(engine, "cache")
    finally:
        engine.shutdown()
    held = [[HeldExperts(**layer) for worker in rank for layer in worker] for rank in ranks]
    return Outcome(
        generations=generations,
        held_experts=held,
        read_bytes=[sum(rank) for rank in read],
        weight_bytes=[sum(rank) for rank in weights],
        caches=[Cache(tokens=tokens, size_bytes=size) for ((tokens, size),) in caches],
        counted=[Counted(tokens=tokens, chosen=chosen) for ((tokens, chosen),) in counted],
    )


async def _ask_workers(engine: AsyncLLM, method: str) -> list[list[Any]]:
    """Return each rank's answers; AsyncLLM's own collective_rpc keeps the first rank's only."""
    answers: list[list[Any]] = await engine.engine_core.call_utility_all_async(
        "collective_rpc", method, None, (), None
    )
    return answers


def _engine_args(run: Run) -> AsyncEngineArgs:
    return AsyncEngineArgs(
        model=str(run.checkpoint),
        tokenizer_mode="mistral",
        config_format="mistral",
        load_format=run.load_format,
        model_loader_extra_config=run.loader,
        dtype=run.dtype,
        data_parallel_size=run.ranks,
        enable_expert_parallel=True,
        distributed_executor_backend="vllm.v1.executor.uniproc_executor.UniProcExecutor",
        worker_cls="deployments.shard.worker.ShardWorker",
        worker_extension_cls="tests.system.parity.census.ExpertCensus",
        enforce_eager=True,
        max_model_len=1024,
        # Less than the longest prompt, which is then prefilled in chunks beside decoding ones.
        max_num_batched_tokens=128,
        kv_cache_memory_bytes=64 << 20,
    )


async def _answer(engine: AsyncLLM, request: Request, request_id: str, rank: int) -> Generation:
    sampling = SamplingParams(
        temperature=0,
        max_tokens=request.output_tokens,
        ignore_eos=True,
        logprobs=_ALTERNATIVES,
        prompt_logprobs=_ALTERNATIVES,
        detokenize=False,
    )
    prompt = TokensPrompt(prompt_token_ids=request.prompt)
    if request.picture_size:
        prompt["multi_modal_data"] = {"image": picture(*request.picture_size)}
    last: RequestOutput | None = None
    async for output in engine.generate(prompt, sampling, request_id, data_parallel_rank=rank):
        last = output
    return _generation(request, last)


def _generation(request: Request, output: RequestOutput) -> Generation:
    completion = output.outputs[0]
    # Nothing precedes the first token of a prompt: its entry is None.
    positions: list[dict[int, Logprob]] = [*output.prompt_logprobs[1:], *completion.logprobs]
    return Generation(
        prompt=output.prompt_token_ids,
        picture_size=request.picture_size,
        output=completion.token_ids,
        logprobs=[{token: p.logprob for token, p in at.items()} for at in positions],
    )
