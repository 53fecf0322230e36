"""Answers and requests, made by hand."""

from deployments.chaos.answer import Answer, Choice
from deployments.chaos.traffic import End, Sent


def answer(*choices: list[int]) -> Answer:
    """Make a complete answer of these tokens, one list for each choice."""
    made = {
        index: Choice(text=" ".join(map(str, tokens)), tokens=tokens, finish_reason="length")
        for index, tokens in enumerate(choices)
    }
    return Answer(made, sum(map(len, choices)))


def sent(
    at_s: float,
    ended_s: float = 0.0,
    end: End | None = End.FINISHED,
    got: Answer | None = None,
    *,
    from_proxy: bool = False,
) -> Sent:
    """Make a request that was sent at `at_s`."""
    return Sent(
        question=0,
        sent_s=at_s,
        id="chatcmpl-1",
        answer=got or answer([1, 2]),
        end=end,
        ended_s=ended_s,
        from_proxy=from_proxy,
    )
