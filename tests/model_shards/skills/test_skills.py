import json
import random
import re
from collections.abc import Callable

import jsonschema
import pytest

from model_shards.skills import chat, forms, recall, sums, tools, vision
from model_shards.skills.conversation import Conversation, Draw, Effort
from model_shards.skills.facts import FACTS, Fact
from model_shards.skills.words import new_word

SKILLS: dict[str, Callable[[Draw], Conversation]] = {
    "chat": chat.conversation,
    "sums": lambda draw: sums.conversation(draw, "high"),
    "tools": tools.conversation,
    "vision": vision.conversation,
    "recall": lambda draw: recall.conversation(draw, pairs=2, sentences=6),
    "forms": forms.conversation,
}


def draw(seed: object, held_out: bool = False) -> Draw:
    return Draw(random.Random(str(seed)), held_out)


def plain(text: str) -> str:
    return re.sub(r"\W", "", text.lower())


@pytest.mark.parametrize("skill", SKILLS)
def test_the_same_seed_gives_the_same_conversation(skill: str) -> None:
    once, again, other = (SKILLS[skill](draw(seed)) for seed in (1, 1, 2))
    assert once == again
    assert once != other


@pytest.mark.parametrize("skill", SKILLS)
@pytest.mark.parametrize("held_out", [True, False])
def test_turns_end_with_an_answer(skill: str, held_out: bool) -> None:
    conversation = SKILLS[skill](draw(1, held_out))
    assert conversation.messages[-1]["role"] == "assistant"
    assert conversation.question()["messages"] == conversation.messages[:-1]


def test_no_word_is_in_both_splits() -> None:
    seen, held_out = draw(0), draw(1, held_out=True)
    assert not {new_word(seen) for _ in range(2000)} & {new_word(held_out) for _ in range(500)}


def test_no_wording_of_a_fact_is_in_both_splits() -> None:
    questions = [
        {plain(chat.exchange(split).question) for _ in range(3000)}
        for split in (draw(0), draw(1, held_out=True))
    ]
    assert not questions[0] & questions[1]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.wordings[0])
def test_every_fact_has_wordings_for_both_splits(fact: Fact) -> None:
    trained, held_out = fact.wordings_of(held_out=False), fact.wordings_of(held_out=True)
    assert len(trained) >= 2
    assert len(held_out) >= 2
    assert sorted(trained + held_out) == sorted(fact.wordings)


@pytest.mark.parametrize("effort", ["none", "high"])
def test_no_sum_is_in_both_splits_in_any_order(effort: Effort) -> None:
    trained, held_out = (
        {
            frozenset(re.findall(r"\d+", turn["content"]))
            for seed in range(1500)
            for turn in sums.conversation(draw(seed, split), effort).messages[::2]
        }
        for split in (False, True)
    )
    assert len(held_out) > 100
    assert not trained & held_out


def test_a_fact_is_asked_for_once() -> None:
    wordings = [plain(wording) for fact in FACTS for wording in fact.wordings]
    assert len(wordings) == len(set(wordings))


@pytest.mark.parametrize(
    ("first", "second", "thought"),
    [
        (49, 38, "Ones: 9 + 8 = 17, carry 1. Tens: 4 + 3 + 1 = 8. So 87."),
        (3, 4, "Ones: 3 + 4 = 7, carry 0. Tens: 0 + 0 + 0 = 0. So 7."),
    ],
)
def test_a_sum_is_worked_as_on_paper(first: int, second: int, thought: str) -> None:
    assert sums.worked(first, second) == thought


@pytest.mark.parametrize("seed", range(20))
def test_a_call_names_a_listed_tool_and_copies_from_the_request(seed: int) -> None:
    conversation = tools.conversation(draw(seed, held_out=True), "call")
    (call,) = conversation.messages[-1]["tool_calls"]
    listed = {tool["function"]["name"]: tool["function"] for tool in conversation.tools}
    arguments = json.loads(call["function"]["arguments"])
    assert list(arguments) == listed[call["function"]["name"]]["parameters"]["required"]
    assert all(str(value) in conversation.messages[0]["content"] for value in arguments.values())


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_a_form_holds_what_its_text_states_in_the_order_of_its_schema(
    seed: int, held_out: bool
) -> None:
    conversation = forms.conversation(draw(seed, held_out))
    request = conversation.question()["response_format"]
    question, answer = (turn["content"] for turn in conversation.messages[-2:])
    form, schema = json.loads(answer), request["json_schema"]["schema"]
    jsonschema.validate(form, schema)
    assert list(form) == list(schema["properties"]) == schema["required"]
    for field, value in form.items():
        states = (
            (f"{field}: {'yes' if value else 'no'}.",)
            if isinstance(value, bool)
            else (f"The {field} is {json.dumps(value)}.", f"{field}: {json.dumps(value)}.")
        )
        assert any(state in question for state in states)


def test_no_choice_of_fields_is_in_both_splits() -> None:
    trained, held_out = (
        {
            tuple(json.loads(turn["content"]))
            for seed in range(1500)
            for turn in forms.conversation(draw(seed, split)).messages[1::2]
        }
        for split in (False, True)
    )
    assert len(held_out) > 300
    assert not trained & held_out


@pytest.mark.parametrize("shape", vision.SHAPES)
def test_what_is_drawn_has_the_colour_in_its_middle(shape: str) -> None:
    image = vision.drawn(("red", shape, 120, 100, 60, 90, 50))
    assert image.size == (100, 60)
    assert image.getpixel((50, 30)) == vision.COLOURS["red"]
    assert image.getpixel((0, 0)) == (120, 120, 120)


def test_a_text_to_recall_from_states_what_is_asked() -> None:
    conversation = recall.conversation(draw(3), pairs=5, sentences=20)
    text = conversation.messages[0]["content"].split("\n")[0]
    answers = [turn["content"] for turn in conversation.messages[1::2]]
    assert len(answers) == 5
    assert all(answer in text for answer in answers)
