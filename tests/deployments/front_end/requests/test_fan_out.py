from typing import Any

import pytest
from vllm.entrypoints.openai.completion.protocol import CompletionRequest
from vllm.exceptions import VLLMValidationError

from configs.request_limits import RequestLimits
from deployments.front_end.requests import fan_out


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VLLM_MAX_N_SEQUENCES", "VLLM_MAX_COMPLETION_PROMPTS"):
        monkeypatch.setenv(name, "1000")  # put back what there was
    fan_out.install(RequestLimits(prompts=2))


@pytest.mark.parametrize("prompt", ["a", ["a", "b"], [1, 2, 3], [[1, 2, 3], [4]]])
def test_as_many_prompts_as_may_be_are_taken(prompt: Any) -> None:
    """A list of numbers is one prompt, in tokens."""
    assert CompletionRequest(prompt=prompt).prompt == prompt


@pytest.mark.parametrize("prompt", [["a", "b", "c"], [[1], [2], [3]]])
def test_more_are_refused(prompt: Any) -> None:
    with pytest.raises(VLLMValidationError, match="length 3 exceeds the maximum"):
        CompletionRequest(prompt=prompt)
