"""Brings a conversation, as clients keep and resend it, to the order that Mistral's format has.

In it, a system message follows none but a user's or another system message, each result of a tool
follows the calls that it answers, and an answer isn't empty. Read from mistral_common 1.12.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from vllm.exceptions import VLLMValidationError

Message = dict[str, Any]

_NOT_BEFORE_SYSTEM = ("assistant", "tool")
_ID = "{:09}"  # nine letters or digits; in this version of the format, no prompt holds them


def in_order(messages: Iterable[Message]) -> list[Message]:
    """Return the conversation in the format's order.

    Raises VLLMValidationError for a tool's result that answers no call.
    """
    said = [message for message in messages if not _says_nothing(message)]
    return _results_after_calls(_one_answer(_system_after_user(said)))


def _says_nothing(message: Message) -> bool:
    if message["role"] != "assistant":
        return False
    content = message.get("content")
    if isinstance(content, list):
        content = any(part.get("text", True) for part in content)
    thoughts = message.get("reasoning") or message.get("reasoning_content")
    return not (content or message.get("tool_calls") or thoughts)


def _system_after_user(messages: list[Message]) -> list[Message]:
    """Put each system message that follows an answer or a result behind the user's next message.

    If the conversation goes on without one, it stands behind the user's last message before; so it
    keeps its place, and the prompt its beginning, as the conversation grows.
    """
    placed: list[Message] = []
    waiting: list[Message] = []  # for the user's next message
    for message in messages:
        role = message["role"]
        if role == "system" and (waiting or (placed and placed[-1]["role"] in _NOT_BEFORE_SYSTEM)):
            waiting.append(message)
            continue
        if role != "user" and waiting:
            _insert(placed, waiting)
            waiting = []
        placed.append(message)
        if role == "user":
            placed += waiting
            waiting = []
    if waiting and placed[-1]["role"] == "assistant":
        return placed + [{**message, "role": "user"} for message in waiting]
    _insert(placed, waiting)
    return placed


def _insert(placed: list[Message], waiting: list[Message]) -> None:
    """Put system messages behind the user's last message, and what follows it of their kind."""
    at = len(placed)
    while at and placed[at - 1]["role"] in _NOT_BEFORE_SYSTEM:
        at -= 1
    placed[at:at] = waiting


def _one_answer(messages: list[Message]) -> list[Message]:
    """Make one of answers in a row, some of which have calls: the format has results in between."""
    placed: list[Message] = []
    for message in messages:
        before = placed[-1] if placed else message
        in_a_row = placed and before["role"] == message["role"] == "assistant"
        if in_a_row and (before.get("tool_calls") or message.get("tool_calls")):
            placed[-1] = _merged(before, message)
        else:
            placed.append(message)
    return placed


def _merged(first: Message, second: Message) -> Message:
    both = (first, second)
    contents: list[Any] = [each["content"] for each in both if each.get("content")]
    content: Any = ""
    if all(isinstance(one, str) for one in contents):
        content = "\n\n".join(contents)
    else:
        parts = ([{"type": "text", "text": c}] if isinstance(c, str) else c for c in contents)
        content = [part for some in parts for part in some]
    thoughts = [each.get("reasoning") or each.get("reasoning_content") for each in both]
    return {
        "role": "assistant",
        "content": content,
        "reasoning": "\n\n".join(filter(None, thoughts)) or None,
        "tool_calls": [call for each in both for call in each.get("tool_calls") or ()],
    }


def _results_after_calls(messages: list[Message]) -> list[Message]:
    """Give calls ids of the format, and put their results, found by the clients' ids, after them.

    A call without a result gets an empty one: clients resend conversations that were broken off.
    """
    placed: list[Message] = []
    turn = _Turn(0)
    for message in messages:
        if message["role"] == "tool":
            placed.insert(turn.end, turn.result(message))
            turn.end += 1
        elif message["role"] == "assistant":
            placed[turn.end : turn.end] = turn.missing()
            turn = _Turn(turn.calls)
            placed.append(turn.called(message))
            turn.end = len(placed)
        else:
            placed.append(message)
    placed[turn.end : turn.end] = turn.missing()
    return placed


class _Turn:
    """The calls of one answer, which wait for their results."""

    def __init__(self, calls: int) -> None:
        self.calls = calls  # of the conversation so far
        self.end = 0  # where the next result goes
        self._open: dict[str | None, deque[str]] = defaultdict(deque)

    def called(self, message: Message) -> Message:
        """Return the answer with other ids."""
        if not message.get("tool_calls"):
            return message
        renamed = []
        for call in message["tool_calls"]:
            self.calls += 1
            identity = _ID.format(self.calls)
            self._open[call.get("id")].append(identity)
            renamed.append({**call, "id": identity})
        return {**message, "tool_calls": renamed}

    def result(self, message: Message) -> Message:
        """Return a result with the other id of its call; without an id, of the first that waits."""
        asked = message.get("tool_call_id")
        waiting = self._open.get(asked) if asked else next(filter(None, self._open.values()), None)
        if not waiting:
            raise VLLMValidationError(
                f"A tool message has the tool_call_id {str(asked)[:80]!r}, which no call of the "
                "answer before it has, or which has had its result: send each result once, before "
                "the next answer.",
                parameter="messages",
            )
        return {**message, "tool_call_id": waiting.popleft()}

    def missing(self) -> list[Message]:
        """Return empty results for the calls that have none."""
        return [
            {"role": "tool", "tool_call_id": identity, "content": ""}
            for waiting in self._open.values()
            for identity in waiting
        ]
