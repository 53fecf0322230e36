"""Answers as comparable data: the parts of a stream put together, without what no two share."""

from typing import Any

# Ids and times; where an event stood among others, since a part may have several tokens; and what
# was in the cache.
_VARYING = {
    *("id", "created", "created_at", "completed_at", "call_id", "item_id", "sequence_number"),
    *("system_fingerprint", "input_tokens_details", "prompt_tokens_details"),
    "cache_read_input_tokens",
}
_GROWING = {"content", "text", "reasoning", "arguments", "delta", "partial_json", "thinking"}


def lasting(value: Any) -> Any:
    """Return JSON data without what differs between any two answers."""
    if isinstance(value, dict):
        return {name: lasting(item) for name, item in value.items() if name not in _VARYING}
    return [lasting(item) for item in value] if isinstance(value, list) else value


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the parts of a stream together, by their types where they have some."""
    whole: dict[str, Any] = {}
    for part in parts:
        place = [str(part[name]) for name in ("type", "output_index", "index") if name in part]
        whole[" ".join(place)] = _join("", whole.get(" ".join(place)), lasting(part))
    return whole


def _join(name: str, first: Any, second: Any) -> Any:
    if first is None or second is None:
        return first if second is None else second
    if isinstance(first, dict):
        names = dict.fromkeys([*first, *second])
        return {key: _join(key, first.get(key), second.get(key)) for key in names}
    if isinstance(first, list):
        return _join_lists(name, first, second)
    return first + second if name in _GROWING and isinstance(first, str) else second


def _join_lists(name: str, first: list[Any], second: list[Any]) -> list[Any]:
    """Join the items that say where they belong, as choices and tool calls do; add others."""
    if not all(isinstance(item, dict) and "index" in item for item in first + second):
        return first + second
    items = {item["index"]: item for item in first}
    for item in second:
        items[item["index"]] = _join(name, items.get(item["index"]), item)
    return list(items.values())
