"""vLLM's own output processor, and streams that nobody reads."""

import asyncio

import numpy as np
import pytest
from vllm.exceptions import GracefulHTTPError
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind, SamplingParams
from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest
from vllm.v1.engine.output_processor import OutputProcessor, RequestOutputCollector
from vllm.v1.engine.parallel_sampling import ParentRequest
from vllm.v1.outputs import LogprobsLists

from deployments.front_end.answers import unread

LIMIT = 32


class Router:
    """An output processor with one request of `n` answers, as vLLM's AsyncLLM has it."""

    def __init__(self, *, n: int = 1, logprobs: int | None = None, stream: bool = True) -> None:
        kind = RequestOutputKind.DELTA if stream else RequestOutputKind.FINAL_ONLY
        params = SamplingParams(
            n=n, max_tokens=10_000, detokenize=False, output_kind=kind, logprobs=logprobs
        )
        self.processor = OutputProcessor(None, log_stats=False)
        unread.install(self.processor, LIMIT)
        self.queue = RequestOutputCollector(kind, "x")
        self._logprobs = logprobs
        request = _request("x", params)
        if n == 1:
            self.processor.add_request(request, None, None, 0, self.queue)
            self.names = ["x"]
            return
        parent = ParentRequest(request)
        self.names = []
        for index in range(n):
            name, child = parent.get_child_info(index)
            self.processor.add_request(_request(name, child), None, parent, index, self.queue)
            self.names.append(name)

    def step(self, tokens: int = 1) -> list[str]:
        """Take a step's tokens of every answer; return the requests that are to be aborted."""
        outputs = [
            EngineCoreOutput(name, [7] * tokens, new_logprobs=self._values(tokens))
            for name in self.names
        ]
        aborted: list[str] = self.processor.process_outputs(outputs).reqs_to_abort
        return aborted

    def _values(self, tokens: int) -> LogprobsLists | None:
        if self._logprobs is None:
            return None
        shape = (tokens, self._logprobs + 1)
        ids = np.broadcast_to(np.arange(7, 8 + self._logprobs), shape)
        return LogprobsLists(ids, np.zeros(shape), np.zeros(tokens, dtype=int))


def _request(name: str, params: SamplingParams) -> EngineCoreRequest:
    return EngineCoreRequest(
        request_id=name,
        external_req_id="x",
        prompt_token_ids=[1],
        mm_features=None,
        sampling_params=params,
        pooling_params=None,
        arrival_time=0,
        lora_request=None,
        cache_salt=None,
        data_parallel_rank=None,
    )


async def _taken(queue: RequestOutputCollector) -> RequestOutput:
    taken = await queue.get()
    assert isinstance(taken, RequestOutput)
    return taken


def test_a_stream_that_nobody_reads_ends_with_an_error_and_frees_its_engine() -> None:
    router = Router()
    assert not [name for _ in range(LIMIT) for name in router.step()]
    assert router.step() == ["x"]
    assert not router.processor.request_states
    with pytest.raises(GracefulHTTPError, match="More than 32 tokens"):
        asyncio.run(router.queue.get())


def test_who_reads_now_and_then_gets_every_token() -> None:
    router, tokens = Router(), 0
    for _ in range(5):
        assert not [name for _ in range(LIMIT) for name in router.step()]
        tokens += len(asyncio.run(_taken(router.queue)).outputs[0].token_ids)
    assert tokens == 5 * LIMIT


def test_log_probabilities_count() -> None:
    router = Router(logprobs=3)  # with the token itself, four of a token
    steps = next(step for step in range(1, LIMIT) if router.step())
    assert steps == LIMIT // 5 + 1


def test_all_answers_of_a_request_end() -> None:
    router = Router(n=2)
    aborted: list[str] = []
    while not aborted:
        aborted = router.step()
    assert sorted(aborted) == sorted(router.names)
    assert not router.processor.request_states
    assert router.step() == []  # what the engine had sent before it heard of it


def test_an_answer_in_one_piece_may_be_of_any_length() -> None:
    router = Router(stream=False)
    assert not [name for _ in range(3 * LIMIT) for name in router.step()]
