from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.front_end.answers.answer import Answer
from deployments.front_end.answers.marks import ARGS, CALL, END, THINK, THINK_END


@dataclass
class Read:
    """What an answer has brought, all parts together."""

    thoughts: str = ""
    text: str = ""
    calls: dict[int, str] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)


def read(*parts: str, thinks: bool = False) -> Read:
    answer, all_of_it = Answer(thinks=thinks), Read()
    for piece in [*map(answer.read, parts), answer.finish()]:
        all_of_it.thoughts += piece.thoughts
        all_of_it.text += piece.text
        for number, call in piece.calls.items():
            known = all_of_it.calls.get(number, "")
            assert not (known and call.name)  # the name comes once, and first
            all_of_it.calls[number] = known + call.name + call.arguments
    all_of_it.ended = [call.name for call in answer.calls if call.ended]
    return all_of_it


CALLS = f'{CALL}add{ARGS}{{"a": 1}}{CALL}name{ARGS}{{"of": "x}}"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello.", Read(text="Hello.")),
        ("  Hello. ", Read(text="  Hello. ")),
        (" \n", Read(text=" \n")),
        (f"{THINK}So \n{THINK_END} It is.", Read("So", " It is.")),
        (f"{THINK}a {THINK_END}b{THINK}c{THINK_END}d", Read("ac", "bd")),
        (f"{THINK_END}b", Read(text="b")),
        ("[THINK]<s>[ARGS]</s>", Read(text="[THINK]<s>[ARGS]</s>")),
        (f"a{ARGS}b", Read(text="a[ARGS]b")),
        (CALLS + END, Read("", "", {0: 'add{"a": 1}', 1: 'name{"of": "x}"}'}, ["add", "name"])),
        (CALLS, Read("", "", {0: 'add{"a": 1}', 1: 'name{"of": "x}"}'}, ["add"])),
        (f" \n{CALL}a{ARGS}{{}}{END}", Read("", "", {0: "a{}"}, ["a"])),
        (f"Yes. {CALL}a{ARGS}{{}}{END}", Read("", "Yes. ", {0: "a{}"}, ["a"])),
        (f"{THINK}So {CALL}a{ARGS}{{}}{END}", Read("So", "", {0: "a{}"}, ["a"])),
        (f"{CALL}a{ARGS}{END}", Read("", "", {0: "a{}"}, ["a"])),
        (f"{CALL}a{ARGS}", Read()),
        (f"{CALL}a{END}", Read()),
        (f'{CALL}a{{"b": 2}}{END}', Read("", "", {0: 'a{"b": 2}'}, ["a"])),
        (f'{CALL}a{ARGS}{{"b": "[ARGS]<s>', Read("", "", {0: 'a{"b": "[ARGS]<s>'})),
        (f'{CALL}a{ARGS}{{"b": "{END}', Read("", "", {0: 'a{"b": "'})),
        (f"{CALL}a{ARGS} {{}} and more{END}", Read("", "", {0: "a{}"}, ["a"])),
    ],
)
def test_it_is_read_alike_whole_and_in_parts(text: str, expected: Read) -> None:
    assert read(text) == expected
    assert read(*text) == expected


def test_thoughts_may_have_begun_in_the_prompt() -> None:
    assert read(f"So{THINK_END}Yes", thinks=True) == Read("So", "Yes")


@given(
    st.lists(st.sampled_from([THINK, THINK_END, CALL, ARGS, END, " ", "a", "{", "}", '"', "\\"])),
    st.data(),
)
def test_where_it_is_parted_makes_no_difference(signs: list[str], data: st.DataObject) -> None:
    text = "".join(signs)
    at = data.draw(st.integers(0, len(text)))
    assert read(text) == read(text[:at], text[at:]) == read(*text)
