"""How near an engine is to the reference, and how near it must be.

In nats of log-probability, over every token of prompts and answers and the four likeliest others
at each place (3,210 numbers). Measured on two cores with AVX-512 and without AMX, where vLLM takes
its "vec" expert kernel for both types:

|                       | largest | mean   |
| --------------------- | ------- | ------ |
| float32, one rank     | 8.1e-6  | 1.7e-6 |
| float32, two ranks    | 1.1e-5  | 1.7e-6 |
| bfloat16, one rank    | 1.3     | 0.047  |
| bfloat16, two ranks   | 1.3     | 0.046  |

Float32 is the ground truth: what is left there is another order of summation. Its tolerance is
nine times the largest difference seen, and a hundredth of what it does to the largest to make one
expert of 512 one percent stronger.

bfloat16 rounds so much that a token near a tie goes to another expert, which moves single numbers
by more than many mistakes do; answers of one rank and of two part after a few tokens. Their mean
error is steady, so that is what is checked. It finds a lost shared expert (0.71), unscaled queries
(0.09) or a rotation of the wrong pairs (0.5), but not two experts swapped in the last layer (0.05).
"""

from collections.abc import Iterable

import torch

from tests.parity.generation import Generation
from tests.parity.reference import Reference

FLOAT32_LARGEST = 1e-4
BFLOAT16_MEAN = 0.08


def differences(reference: Reference, generations: Iterable[Generation]) -> torch.Tensor:
    """Absolute differences of all log-probabilities that the engine told, in one row."""
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
