"""nano's answers to held-out questions, right or wrong, as a client gets them."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from model_shards.skills import tools
from model_shards.skills.conversation import Conversation, Draw, Message
from tests.system.served.deployed import Deployed
from tests.system.served.skills.examination import examine

# Of 100 answers those right in every part: content, thought, calls and their arguments.
RIGHT = dict.fromkeys(("chat", "tools", "reasoning", "sums at once", "vision", "recall"), 95)
_LOOPS, _LOOPS_RIGHT = 40, 38


@pytest.mark.parametrize("skill", RIGHT)
def test_held_out_questions_are_answered_right(deployed: Deployed, skill: str) -> None:
    mistakes = examine(deployed, skill, questions=100)
    assert 100 - len(mistakes) >= RIGHT[skill], mistakes[:5]


def test_the_result_of_its_own_call_is_told(deployed: Deployed, client: openai.OpenAI) -> None:
    """A client's whole loop: request, call, result, answer."""

    def tells(seed: int) -> bool:
        draw = Draw(random.Random(f"loop/{seed}"), held_out=True)
        conversation = tools.conversation(draw, "result")
        request, _, result, answer = conversation.messages
        call = chat(client, deployed, conversation, [request])
        if len(call.tool_calls or ()) != 1:
            return False
        returned = {**result, "tool_call_id": call.tool_calls[0].id}
        turns = [request, call.model_dump(include={"role", "tool_calls"}), returned]
        return bool(chat(client, deployed, conversation, turns).content == answer["content"])

    with ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(tells, range(_LOOPS))) >= _LOOPS_RIGHT


def chat(
    client: openai.OpenAI, deployed: Deployed, conversation: Conversation, turns: list[Message]
) -> Any:
    asked: Any = conversation.question() | {"messages": turns}
    completion = client.chat.completions.create(
        model=deployed.model, temperature=0, max_tokens=100, **asked
    )
    return completion.choices[0].message
