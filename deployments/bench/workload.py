"""The client's load: how many requests, and how long they are."""

import math
from dataclasses import dataclass

INPUT_TOKENS = 64  # before the chat template
OUTPUT_TOKENS = 32
WARM_UP_STREAMS = 16
WARM_UP_PROMPTS = 64

_CELL_S = 10.0
_MIN_PROMPTS = 24
_MIN_WAVES = 2  # of `streams` requests each
_SATURATING_STREAMS = 10


@dataclass(frozen=True, slots=True)
class Workload:
    """A closed loop: each stream sends its next request when the last one is answered."""

    streams: int
    prompts: int
    seed: int

    def flags(self) -> list[str]:
        """Return the flags for `vllm bench serve`."""
        return [
            *("--dataset-name", "random", "--seed", str(self.seed)),
            *("--random-input-len", str(INPUT_TOKENS)),
            *("--random-output-len", str(OUTPUT_TOKENS), "--ignore-eos"),
            *("--temperature", "0"),
            *("--num-prompts", str(self.prompts)),
            *("--max-concurrency", str(self.streams)),
            *("--num-warmups", str(min(self.streams, WARM_UP_STREAMS))),
        ]


def warm_up() -> Workload:
    """Return a load that lets a server fill its caches, and shows how fast it is."""
    return Workload(WARM_UP_STREAMS, WARM_UP_PROMPTS, seed=0)


def prompts(streams: int, saturated_per_s: float) -> int:
    """Return how many requests keep a server busy for about 10 s, in whole waves.

    `saturated_per_s` is the server's rate with 16 streams. Fewer than about 10 streams can't
    saturate it; the estimate need only be good to a factor of two.
    """
    per_s = saturated_per_s * min(1.0, streams / _SATURATING_STREAMS)
    wanted = max(per_s * _CELL_S, _MIN_PROMPTS, _MIN_WAVES * streams)
    return math.ceil(wanted / streams) * streams
