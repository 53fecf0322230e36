"""Limits of one request."""

import math

from pydantic import Field

from configs.host_name import HostName
from configs.schema import PositiveInt, PositiveSeconds, Strict

_LAST_WORD_S = 60  # for the error of a request that has taken `request_s` to reach its client


class RequestLimits(Strict):
    """What one request may hold; a larger request is refused before it costs anything.

    How long a prompt and its answer may get is vLLM's `max_model_len`, among the engine's
    arguments, and how many logprobs a token may have its `max_logprobs`.
    """

    body_mib: PositiveInt = Field(default=32, description="With the images it links to.")
    messages: PositiveInt = 2048
    images: PositiveInt = 16
    pixels: PositiveInt = Field(
        default=25_000_000, description="Of one image; the encoder scales down what it gets."
    )
    image_hosts: tuple[HostName, ...] = Field(
        default=(),
        description="Images may be https links to these hosts, in YAML images.example.com or "
        '"*.example.com" (every name below it, in quotes). Routers fetch them, from public '
        "addresses only, and never through a proxy. Empty: images come in the body.",
    )
    image_fetch_s: PositiveSeconds = Field(
        default=10, description="How long fetching one image may take, redirects included."
    )
    image_fetches: PositiveInt = Field(default=16, description="At once, by one router.")
    answers: PositiveInt = Field(default=16, description="The largest `n`, for one prompt.")
    prompts: PositiveInt = Field(default=64, description="Of one completion request.")
    request_s: PositiveSeconds = Field(
        default=7200,
        description="The longest that a request may take, its waiting and its whole answer. Then "
        "it ends with an error. Nothing on the way cuts a request before.",
    )
    unread_tokens: PositiveInt = Field(
        default=65536,
        description="Tokens, and log probabilities of tokens, that a router keeps for a client "
        "that doesn't read its stream. Beyond them the stream ends with an error. A step of the "
        "engine may bring hundreds, with `n` and log probabilities.",
    )

    @property
    def connection_s(self) -> int:
        """How long a connection may be needed for a request; whoever cuts earlier cuts answers.

        All that could cut a request on its way is set by this one value.
        """
        return math.ceil(self.request_s) + _LAST_WORD_S
