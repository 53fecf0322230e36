"""What vLLM does by itself. Where a test fails, a change of ours has become superfluous."""

from pathlib import Path
from typing import Any

import llguidance
import numpy as np
import pytest
from PIL import Image
from vllm.entrypoints.anthropic.protocol import AnthropicContentBlock, AnthropicMessagesRequest
from vllm.entrypoints.anthropic.serving import AnthropicServingMessages
from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.exceptions import VLLMValidationError
from vllm.multimodal.image import convert_image_mode
from vllm.parser.mistral import MistralParser
from vllm.tokenizers.mistral import MistralTokenizer

from deployments.front_end.requests import effort, tool_results
from model_shards.nano import NANO
from model_shards.tekken import small_tekken


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> MistralTokenizer:
    path: Path = tmp_path_factory.mktemp("tokenizer") / "tekken.json"
    path.write_text(small_tekken(NANO))
    return MistralTokenizer.from_pretrained(str(path.parent))


def test_its_parser_takes_text_for_control_tokens(tokenizer: MistralTokenizer) -> None:
    """If not, `answers/` can go."""
    tool: Any = {"type": "function", "function": {"name": "note"}}
    request = ChatCompletionRequest(messages=[], tools=[tool], tool_choice="auto")
    text = 'I would write [TOOL_CALLS]note[ARGS]{"a": 1} here.'
    found = MistralParser(tokenizer).extract_tool_calls_from_content(text, request)
    assert found.tools_called


def test_its_json_may_go_on_in_blanks(tokenizer: MistralTokenizer) -> None:
    """If not, `compact_json.py` can go."""
    grammar = llguidance.LLMatcher.grammar_from_json_schema('{"type": "object"}')
    matcher = llguidance.LLMatcher(tokenizer.llg_tokenizer, grammar)
    assert matcher.consume_tokens(tokenizer.encode("{" + " " * 500, add_special_tokens=False))


def test_it_refuses_efforts_that_agents_send() -> None:
    """If not, `effort.py` can go."""
    validate = effort.vllm_validate
    with pytest.raises(VLLMValidationError, match="reasoning_effort=low"):
        validate(ChatCompletionRequest(messages=[], reasoning_effort="low"))


def test_it_lets_thinking_be_enabled_without_a_thought() -> None:
    """If not, `effort.py` can go."""
    asked = AnthropicMessagesRequest(
        model="m",
        messages=[],
        max_tokens=2000,
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    request = ChatCompletionRequest(messages=[])
    effort.vllm_thinking(AnthropicServingMessages, request, asked)
    assert request.reasoning_effort is None


def test_it_parts_the_results_of_parallel_calls() -> None:
    """If not, `tool_results.py` can go."""
    image = {"type": "image", "source": {"type": "base64", "data": "AA=="}}
    block = AnthropicContentBlock(type="tool_result", tool_use_id="a", content=[image])
    messages: list[Any] = []
    tool_results.vllm_result(AnthropicServingMessages, block, messages)
    assert [message["role"] for message in messages] == ["tool", "user"]


def test_it_makes_16_bit_greys_white() -> None:
    """If not, `images/samples.py` can go."""
    grey = Image.fromarray(np.full((2, 2), 0x4040, np.uint16))
    assert np.asarray(convert_image_mode(grey, "RGB")).min() == 255
