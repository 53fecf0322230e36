"""Bounds what a router keeps for a client that doesn't read its stream.

vLLM merges the outputs that nobody has taken into one, however large it gets. Read from vLLM 0.32.
"""

from collections.abc import Iterable
from typing import Any

from vllm.outputs import RequestOutput
from vllm.v1.engine import EngineCoreOutput
from vllm.v1.engine.output_processor import (
    OutputProcessor,
    OutputProcessorOutput,
    RequestOutputCollector,
)

from configs.errors import UnreadError
from deployments.front_end.refusals import as_vllm_error


def install(processor: OutputProcessor, limit_tokens: int) -> None:
    """End each stream, with an error, of which more than `limit_tokens` are unread.

    A token's log probabilities count as tokens. The engine is freed at once; the error follows what
    the client has yet to read.
    """
    process = processor.process_outputs
    refused = UnreadError(
        f"More than {limit_tokens} tokens of this stream were waiting to be read, so it ends here. "
        "Read it faster, or ask for fewer tokens or log probabilities."
    )

    def process_outputs(
        outputs: list[EngineCoreOutput], *args: Any, **kwargs: Any
    ) -> OutputProcessorOutput:
        done = process(outputs, *args, **kwargs)
        for queue in list(_queues(processor, outputs)):
            if _unread_tokens(queue) > limit_tokens:
                done.reqs_to_abort += _abort(processor, queue)
                queue.put(as_vllm_error(refused))  # in place of all that it holds
        return done

    processor.process_outputs = process_outputs


def _queues(
    processor: OutputProcessor, outputs: Iterable[EngineCoreOutput]
) -> Iterable[RequestOutputCollector]:
    """Yield the queues of streams that go on."""
    for output in outputs:
        state = processor.request_states.get(output.request_id)
        if state is not None and state.queue is not None and state.queue.aggregate:
            yield state.queue


def _unread_tokens(queue: RequestOutputCollector) -> int:
    if not isinstance(queue.output, RequestOutput):
        return 0
    return sum(
        len(answer.token_ids) * (1 + (len(answer.logprobs[-1]) if answer.logprobs else 0))
        for answer in queue.output.outputs
    )


def _abort(processor: OutputProcessor, queue: RequestOutputCollector) -> list[str]:
    """End all requests that fill this queue, several where `n` > 1; return their ids."""
    filling = [name for name, state in processor.request_states.items() if state.queue is queue]
    aborted: list[str] = processor.abort_requests(filling, internal=True)
    return aborted
