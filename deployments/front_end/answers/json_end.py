"""Finds where the first JSON value of a text ends, while the text still comes."""

import re

_SIGNS = re.compile(r'[\[\]{}"]')
_IN_STRING = re.compile(r'["\\]')


class JsonEnd:
    """Reads an object or array up to its end. What follows isn't its concern."""

    def __init__(self) -> None:
        self.reached = False
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def take(self, text: str) -> str:
        """Return the part of `text` that belongs to the value."""
        if self.reached:
            return ""
        at = 0
        if self._escaped and text:
            at, self._escaped = 1, False
        while found := (_IN_STRING if self._in_string else _SIGNS).search(text, at):
            at = found.end()
            sign = found.group()
            if sign == "\\":
                self._escaped = at == len(text)
                at += 1
            elif sign == '"':
                self._in_string = not self._in_string
            else:
                self._depth += 1 if sign in "[{" else -1
                if self._depth == 0:
                    self.reached = True
                    return text[:at]
        return text
