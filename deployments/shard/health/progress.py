"""Whether an engine that has work goes on, and how long it may take to: a pure policy."""

# The longest step is forgotten slowly: half of it is gone after 700 shorter ones.
_KEPT = 0.999
# A step of the same number of tokens may take so many times as long: attention takes longer the
# further a prompt has come.
_SPREAD = 2.0


class Progress:
    """Follows one engine's steps.

    An engine is silent if it has work and its steps haven't advanced for longer than `bound_s`. The
    bound is no constant: it grows with the longest step that was measured, and with what is queued
    beyond all that was measured.
    """

    def __init__(self, silence_s: float, start_s: float) -> None:
        """Start with an engine that took `start_s` to start, which bounds its first step.

        A first step may compile what a start didn't.
        """
        self.silence_s = silence_s
        self._start_s = start_s
        self._longest_s = 0.0
        self._most_tokens = 0.0  # in a step
        self._steps = -1
        self._since_s = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Add a step that has ended; without tokens, the engine only kept pace with its gang."""
        self._longest_s = max(seconds, _KEPT * self._longest_s)
        self._most_tokens = max(tokens, _KEPT * self._most_tokens)

    def bound_s(self, tokens: int) -> float:
        """Return the longest that a step of up to so many tokens may take."""
        if not self._longest_s:
            return self.silence_s + self._start_s
        growth = max(1.0, tokens / max(1.0, self._most_tokens))
        return self.silence_s + _SPREAD * growth * self._longest_s

    def stalled_s(self, steps: int, now_s: float, *, busy: bool) -> float:
        """Return for how long the engine, which has begun `steps` so far, hasn't advanced.

        It is 0 for an engine without work. Call it often.
        """
        if steps != self._steps or not busy:
            self._steps, self._since_s = steps, now_s
        return now_s - self._since_s
