from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest

from deployments.front_end.middleware.effort_used import HEADER
from deployments.front_end.requests.effort import Efforts
from tests.deployments.front_end.dictated import MODEL, Clients, Play

ASK: Any = [{"role": "user", "content": "Hi"}]
NEAREST = {
    "none": "none",
    "minimal": "none",
    "low": "none",
    "medium": "high",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


async def by_chat(asked: Clients, effort: Any, **options: Any) -> Any:
    create = asked.openai.chat.completions.with_raw_response.create
    return await create(model=MODEL, messages=ASK, reasoning_effort=effort, **options)


async def by_responses(asked: Clients, effort: Any, **options: Any) -> Any:
    create = asked.openai.responses.with_raw_response.create
    return await create(model=MODEL, input="Hi", reasoning={"effort": effort}, **options)


async def by_messages(asked: Clients, effort: Any, **options: Any) -> Any:
    return await messages(asked, output_config={"effort": effort}, **options)


async def messages(asked: Clients, **options: Any) -> Any:
    create = asked.anthropic.messages.with_raw_response.create
    return await create(model=MODEL, messages=ASK, max_tokens=2000, **options)


def used(asked: Clients) -> str:
    """Return the effort that the last prompt asks the model for."""
    prompt = asked.router.renderer.tokenizer.decode(asked.router.asked[-1].prompt_token_ids)
    settings: str = prompt.partition('{"reasoning_effort": "')[2]
    return settings.partition('"')[0]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("by", "effort"),
    [
        (by, effort)
        for by in (by_chat, by_responses, by_messages)
        for effort in NEAREST
        if by is not by_messages or effort not in ("none", "minimal")  # Anthropic has none such
    ],
)
def test_the_nearest_effort_is_used_and_told(
    play: Play, by: Callable[..., Awaitable[Any]], effort: str, stream: bool
) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        answer = await by(asked, effort, **({"stream": True} if stream else {}))
        assert answer.headers[HEADER] == used(asked) == NEAREST[effort]

    play(scene)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "high"),
        ({"thinking": {"type": "adaptive"}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "none"),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}}, "none"),
    ],
)
def test_anthropics_thinking_thinks_or_doesnt(
    play: Play, options: dict[str, Any], expected: str
) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        answer = await messages(asked, **options)
        assert answer.headers[HEADER] == used(asked) == expected

    play(scene)


def test_nothing_is_told_where_nothing_was_asked(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        assert HEADER not in (await messages(asked)).headers
        assert used(asked) == "none"

    play(scene)


@pytest.mark.parametrize("by", [by_chat, by_responses, by_messages])
def test_strict_refuses_what_the_model_doesnt_know(
    play: Play, by: Callable[..., Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Efforts, "strict", True)

    async def scene(asked: Clients) -> None:
        asked.answers("Yes", "</s>")
        with pytest.raises(Exception, match="'low' isn't one of none, high") as refused:
            await by(asked, "low")
        assert getattr(refused.value, "status_code", None) == 400
        await by(asked, "high")
        assert used(asked) == "high"

    play(scene)


def test_an_unknown_effort_is_refused(play: Play) -> None:
    async def scene(asked: Clients) -> None:
        with pytest.raises(openai.BadRequestError):
            await by_chat(asked, "huge")

    play(scene)
