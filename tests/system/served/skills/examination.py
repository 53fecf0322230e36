"""Held-out questions, asked of the deployment through the official client, many at once."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import openai

from model_shards.skills.conversation import Conversation, Message
from model_shards.skills.held_out import held_out
from tests.system.served.deployed import Deployed

_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets of an assistant's turn; a call is a name and its arguments."""

    content: str
    thought: str
    calls: list[tuple[str, Any]]
    finish_reason: str


def examine(deployed: Deployed, skill: str, questions: int) -> list[tuple[Answer, Answer]]:
    """Ask questions 0 to `questions` - 1 of a skill, greedily.

    Returns the answers that are wrong in any part, each with the right answer.
    """
    asked = [held_out(skill, seed) for seed in range(questions)]
    given = asyncio.run(answers(deployed, [conversation.question() for conversation in asked]))
    pairs = zip(given, map(right, asked), strict=True)
    return [(given, expected) for given, expected in pairs if given != expected]


async def answers(deployed: Deployed, questions: list[dict[str, Any]]) -> list[Answer]:
    """Ask all questions at once; return the answers in the order of `questions`."""
    turn = asyncio.Semaphore(_AT_ONCE)
    async with openai.AsyncOpenAI(
        base_url=f"{deployed.url}/v1", api_key="none", max_retries=0, timeout=300
    ) as client:

        async def answer(question: dict[str, Any]) -> Answer:
            async with turn:
                given = await client.chat.completions.create(
                    model=deployed.model, temperature=0, max_tokens=200, **question
                )
            return _given(given.choices[0])

        return await asyncio.gather(*(answer(question) for question in questions))


def right(conversation: Conversation) -> Answer:
    """Return the last turn, as the API should give it."""
    turn: Message = conversation.messages[-1]
    content, thought = turn.get("content") or "", ""
    if isinstance(content, list):
        thought, content = content[0]["thinking"], content[1]["text"]
    functions = [call["function"] for call in turn.get("tool_calls", ())]
    calls = [(function["name"], json.loads(function["arguments"])) for function in functions]
    return Answer(content, thought, calls, "tool_calls" if calls else "stop")


def _given(choice: Any) -> Answer:
    functions = [call.function for call in choice.message.tool_calls or ()]
    return Answer(
        content=choice.message.content or "",
        thought=getattr(choice.message, "reasoning", None) or "",
        calls=[(function.name, _parsed(function.arguments)) for function in functions],
        finish_reason=choice.finish_reason,
    )


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except json.JSONDecodeError:
        return arguments  # a wrong answer, not an error of the test
