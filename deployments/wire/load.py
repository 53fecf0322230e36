"""The message about its load that a rank sends to routers."""

import msgspec


class Load(msgspec.Struct, array_like=True, frozen=True):
    """How busy a rank is, over all routers.

    `heard` counts the requests and aborts that have ever come from the router to which this load is
    sent. Those that it has sent since are still on their way, and aren't in the other numbers.
    """

    requests: int = 0  # unfinished, running or waiting
    waiting_requests: int = 0  # those of them that the engine's scheduler hasn't started
    kv_cache_usage: float = 0.0  # 0 to 1
    prefill_tokens: int = 0  # of prompts without an answer yet
    promised_tokens: int = 0  # KV cache that the requests hold or are expected to
    answer_tokens: int = 1024  # few answers are longer
    heard: int = 0
    draining: bool = False  # the rank takes nothing new, and goes after its last request
