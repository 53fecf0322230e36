"""Takes an answer's text apart: what was thought, what was said, and which tools were called.

The form is that of Mistral's tokenizers from version 13 on; `C` stands for the mark of a call:

    THINK thoughts THINK_END text C name ARGS {arguments} C name ARGS {arguments} END

Without END the answer was cut off by its length.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from deployments.front_end.answers.json_end import JsonEnd
from deployments.front_end.answers.marks import ARGS, CALL, END, SHOWN, THINK, split


@dataclass(slots=True)
class Call:
    """A call as far as it is known. If it has `ended`, its arguments are whole."""

    name: str = ""
    arguments: str = ""
    ended: bool = False


@dataclass(slots=True)
class Piece:
    """What a part of the text has brought."""

    thoughts: str = ""
    text: str = ""
    calls: dict[int, Call] = field(default_factory=dict)  # by number: a name once, and arguments


class _State(Enum):
    THOUGHTS = auto()
    TEXT = auto()
    NAME = auto()
    ARGUMENTS = auto()


class Answer:
    """Reads an answer part by part. White space that may prove to be none of it is held back.

    That is, at the end of thoughts, and in place of a text before the first call.
    """

    def __init__(self, *, thinks: bool = False) -> None:
        """`thinks` tells that the prompt has begun the thoughts."""
        self.calls: list[Call] = []
        self._state = _State.THOUGHTS if thinks else _State.TEXT
        self._space = ""
        self._said = False
        self._end = JsonEnd()

    def read(self, text: str) -> Piece:
        """Take the next part of the text."""
        piece = Piece()
        for part in split(text):
            if part in SHOWN:
                self._mark(part, piece)
            else:
                self._ordinary(part, piece)
        return piece

    def finish(self) -> Piece:
        """Return what was held back, once there is no more to read."""
        piece = Piece()
        if self._state is _State.TEXT:
            piece.text, self._space = self._space, ""
        return piece

    def _mark(self, mark: str, piece: Piece) -> None:
        if mark == END:
            self._close(piece)
        elif mark == CALL:
            self._close(piece)
            self.calls.append(Call())
            self._enter(_State.NAME)
            self._end = JsonEnd()
        elif mark == ARGS and self._state is _State.NAME:
            self._enter(_State.ARGUMENTS)
        elif self._state in (_State.THOUGHTS, _State.TEXT):
            if mark == ARGS:
                self._ordinary(SHOWN[ARGS], piece)
            else:
                self._enter(_State.THOUGHTS if mark == THINK else _State.TEXT)

    def _enter(self, state: _State) -> None:
        if state is not self._state:
            self._state, self._space = state, ""

    def _close(self, piece: Piece) -> None:
        """End the call that is open. One without arguments has an empty object of them."""
        if self._state is _State.ARGUMENTS:
            if not self.calls[-1].arguments:
                self._argue("{}", piece)
            self.calls[-1].ended = self._end.reached

    def _ordinary(self, text: str, piece: Piece) -> None:
        if self._state is _State.NAME:
            name, brace, text = text.partition("{")
            self.calls[-1].name += name
            if not brace:
                return
            self._state, text = _State.ARGUMENTS, brace + text
        if self._state is _State.ARGUMENTS:
            self._argue(text, piece)
        elif self._state is _State.THOUGHTS:
            piece.thoughts += self._without_space(text)
        elif self._said:
            piece.text += text
        else:
            text = self._space + text
            self._said = bool(text.strip())
            self._space = "" if self._said else text
            piece.text += text if self._said else ""

    def _argue(self, text: str, piece: Piece) -> None:
        call, number = self.calls[-1], len(self.calls) - 1
        if not call.arguments:
            text = text.lstrip()
        if not (text := self._end.take(text)):
            return
        new = piece.calls.setdefault(number, Call("" if call.arguments else call.name.strip()))
        new.arguments += text
        call.arguments += text

    def _without_space(self, text: str) -> str:
        text = self._space + text
        kept = text.rstrip()
        self._space = text[len(kept) :]
        return kept
