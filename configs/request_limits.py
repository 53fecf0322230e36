"""Limits of one request."""

from pydantic import Field

from configs.host_name import HostName
from configs.schema import PositiveInt, PositiveSeconds, Strict


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
