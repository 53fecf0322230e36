"""How near an engine is to the reference, and how near it must be.

In nats of log-probability, over every token of prompts and answers and the four likeliest ones at
each place (3,489 numbers). Measured on two cores with AVX-512 and without AMX, where vLLM takes its
"vec" expert kernel for both types:

|                     | largest | mean   |
| ------------------- | ------- | ------ |
| float32, one rank   | 1.0e-5  | 1.7e-6 |
| float32, two ranks  | 1.1e-5  | 1.7e-6 |
| bfloat16, one rank  | 2.2     | 0.034  |
| bfloat16, two ranks | 2.2     | 0.036  |

Float32 is the ground truth: what is left there is another order of summation. Its tolerance is
nine times the largest difference. One expert of 512 that is one percent stronger makes a
difference of 0.015, two experts swapped 2.3 (`test_mistakes.py`).

bfloat16 rounds so much that a token near a tie goes to another expert, which moves single numbers
as far as a mistake would; answers of one rank and of two part after a few tokens. Means are steady
(0.034 to 0.047 for other prompts), so the mean is checked. That finds a lost shared expert (0.74),
a rotation of the wrong pairs (0.50) or unscaled queries (0.081), but not two experts swapped in
the last layer (0.052).
"""

from collections.abc import Iterable

import torch

from tests.system.parity.generation import Generation
from tests.system.parity.reference import Reference

FLOAT32_LARGEST = 1e-4
BFLOAT16_MEAN = 0.07


def differences(reference: Reference, generations: Iterable[Generation]) -> torch.Tensor:
    """Return the absolute differences of all log-probabilities of the engine, in one row."""
    return torch.cat([_differences(reference, generation) for generation in generations])


def _differences(reference: Reference, generation: Generation) -> torch.Tensor:
    sequence = generation.prompt + generation.output
    expected = reference.logprobs(sequence, generation.picture_size)
    told = [
        (place, token, logprob)
        for place, at in enumerate(generation.logprobs)
        for token, logprob in at.items()
    ]
    places, tokens, logprobs = zip(*told, strict=True)
    return (expected[list(places), list(tokens)] - torch.tensor(logprobs)).abs()
