import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.front_end.answers.json_end import JsonEnd

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\{}[]é'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet='a"\\{}'), inner),
).filter(lambda value: isinstance(value, dict | list))


@given(VALUES, st.text(alphabet='}{"a\\'))
def test_a_value_ends_where_json_says(value: object, follows: str) -> None:
    text = json.dumps(value)
    whole, by_sign = JsonEnd(), JsonEnd()
    assert whole.take(text + follows) == text
    assert "".join(by_sign.take(sign) for sign in text + follows) == text
    assert whole.reached
    assert by_sign.reached


@pytest.mark.parametrize("text", ["", "{", '{"a}', '{"a": "\\"}', "[{}"])
def test_what_is_cut_off_has_no_end(text: str) -> None:
    end = JsonEnd()
    assert end.take(text) == text
    assert not end.reached
