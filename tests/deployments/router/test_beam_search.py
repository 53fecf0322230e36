"""What vLLM's own beam search costs a key, with an engine that knows four tokens."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from vllm import CompletionOutput, RequestOutput
from vllm.entrypoints.generate.beam_search.online import BeamSearchOnlineMixin
from vllm.inputs import tokens_input
from vllm.logprobs import Logprob
from vllm.sampling_params import BeamSearchParams, SamplingParams
from vllm.v1.engine.input_processor import InputProcessor

from deployments.access.allowances import Allowances
from deployments.access.caller import Caller
from deployments.router.routed_request import RoutedRequest
from tests.deployments.access.keys import key
from tests.deployments.access.quota_service import Service
from tests.deployments.router.fake_shard import request


class Search(BeamSearchOnlineMixin):
    """A beam search whose requests are charged as the router charges them."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.requests = 0
        tokenizer = SimpleNamespace(eos_token_id=2, decode=lambda *_, **__: "")
        self.renderer: Any = SimpleNamespace(get_tokenizer=lambda: tokenizer)
        processor = SimpleNamespace(resolve_watermarking=lambda _: None)
        self.engine_client: Any = SimpleNamespace(input_processor=processor, generate=self._answer)

    async def _answer(
        self, prompt: Any, params: SamplingParams, request_id: str, **_: Any
    ) -> AsyncIterator[RequestOutput]:
        asked = request(request_id, len(prompt["prompt_token_ids"]))
        InputProcessor.assign_request_id(asked)
        routed = RoutedRequest(asked, 0.0, self._caller)
        await routed.charge_prompt()
        routed.take([5], 0.0)
        self.requests += 1
        likely = {token: Logprob(-token / 10) for token in (5, 6, 7, 8)}
        answer = CompletionOutput(0, "", [5], None, [likely], finish_reason="length")
        yield RequestOutput(request_id, None, prompt["prompt_token_ids"], None, [answer], True)


@pytest.mark.parametrize(("prompts", "cost"), [(1, 105), (2, 210)])
def test_a_search_costs_its_prompt_once_and_what_its_beams_produce(prompts: int, cost: int) -> None:
    async def scene() -> None:
        allowances = Allowances(Service(), "router", 1)
        allowance = await allowances.begin(key(tokens_per_minute=1000))
        search = Search(Caller(allowance, allowances))
        for number in range(prompts):
            prompt = tokens_input([1] * 100)
            params = BeamSearchParams(beam_width=2, max_tokens=3)
            async for _ in search.beam_search(prompt, f"cmpl-x-{number}", params):
                pass
        assert search.requests == 5 * prompts
        assert allowance.headers()["x-ratelimit-remaining-tokens"] == str(1000 - cost)

    asyncio.run(scene())
