"""YAML with comments holds the same data as without."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cluster.render.commented import Why, dump

_texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")))
_lines = st.lists(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1), min_size=2, max_size=4
).map("\n".join)
_scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts | _lines
_data = st.dictionaries(
    _texts,
    st.recursive(
        _scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
        max_leaves=12,
    ),
    max_size=4,
)


@given(_data)
def test_what_is_dumped_is_read_again(data: dict[str, Any]) -> None:
    assert (yaml.safe_load(dump(data, "A heading.\n\nOf two parts.")) or {}) == data


def test_a_comment_stands_before_its_key() -> None:
    text = dump({"a": {"b": Why("Because. " * 20, [Why("First.", "x"), "y"])}}, "Heading")
    lines = text.splitlines()
    assert lines[:3] == ["# Heading", "", "a:"]
    assert lines[3].startswith("  # Because.")
    assert lines[-4:] == ["  b:", "    # First.", "    - x", "    - y"]
    assert max(len(line) for line in lines) <= 100
    assert yaml.safe_load(text) == {"a": {"b": ["x", "y"]}}


def test_a_comment_where_there_is_no_place_for_one_is_refused() -> None:
    with pytest.raises(ValueError, match="before the item"):
        dump({"a": [{"b": Why("Because.", 1)}]}, "Heading")
