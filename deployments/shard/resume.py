"""A vLLM plugin: an engine takes up a request where a lost engine left it.

vLLM already resumes requests that it preempted itself: it computes prompt and output again and
goes on. A continuation is put into that same state when it arrives. The tokens that the lost engine
produced come in `SamplingParams.extra_args` and count as output in the scheduler (length limits),
in the worker (penalties, minimum length, seeded sampling) and in the grammar.
Read from vLLM 0.32, model runner V1; runner V2 hands its workers the whole prefill already.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch

from deployments.shard.answer_generator import AnswerGenerator
from deployments.wire.resumed_tokens import resumed_tokens


def register() -> None:
    """Teach vLLM's requests, grammars and workers that output may come with a request.

    Entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice.
    """
    from vllm.v1.request import Request
    from vllm.v1.structured_output import StructuredOutputManager
    from vllm.v1.worker import gpu_model_runner

    if hasattr(Request.__init__, "__wrapped__"):
        return
    Request.__init__ = _with_output(Request.__init__)
    StructuredOutputManager._create_grammar = _with_replay(StructuredOutputManager._create_grammar)
    gpu_model_runner.CachedRequestState = _resumed_state(gpu_model_runner.CachedRequestState)


def _with_output(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap the scheduler's `Request.__init__`: a continuation starts with its earlier output."""

    @functools.wraps(init)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        if tokens := resumed_tokens(self.sampling_params):
            self.append_output_token_ids(tokens)
            # These count how much of the prompt was cached, and refuse to count output with it.
            self.prefill_stats = None

    return wrapped


def _with_replay(create: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap the creation of grammars: a continuation's grammar accepts its earlier output."""

    @functools.wraps(create)
    def wrapped(self: Any, request: Any) -> Any:
        grammar = create(self, request)
        if tokens := resumed_tokens(request.sampling_params):
            replay(self, request, grammar, tokens)
        return grammar

    return wrapped


def replay(manager: Any, request: Any, grammar: Any, tokens: list[int]) -> None:
    """Advance `grammar` over those of `tokens` that it constrained: all but the reasoning.

    Raises ValueError if the grammar doesn't accept them.
    """
    bounds = manager._get_constraint_bounds(request, tokens, spec_tokens_committed=True)
    constrained = tokens[bounds.grammar_start :]
    if bounds.grammar_start <= len(tokens):
        request.structured_output_request.reasoning_ended = True
    if constrained and not grammar.accept_tokens(request.request_id, constrained):
        raise ValueError(f"request {request.request_id}: its grammar refuses its own past output")


def _resumed_state(state_class: Any) -> Any:
    """Return the worker's state of requests, with earlier output known from the start.

    On CPUs, a seeded generator has drawn for that output, too.
    """

    class ResumedRequestState(state_class):
        output_token_ids: list[int]
        generator: torch.Generator | None

        def __post_init__(self) -> None:
            super().__post_init__()
            tokens = resumed_tokens(self.sampling_params)
            if tokens and not self.output_token_ids:
                self.output_token_ids = list(tokens)
            if self.generator is not None and self.generator.device.type == "cpu":
                seed = self.sampling_params.seed
                self.generator = AnswerGenerator.of(seed, self.output_token_ids)

    return ResumedRequestState
