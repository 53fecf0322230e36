"""Words that nobody knows: to use one right, it has to be copied."""

import random

from model_shards.skills.conversation import Draw

_CONSONANTS = (*"bcdfghjklmnprstvwz", "br", "ch", "dr", "gr", "kl", "pl", "sh", "st", "th", "tr")
_VOWELS = (*"aeiou", "ai", "ea", "io", "ou")
_ENDS = ("", "", "l", "m", "n", "r", "s", "t", "x", "nd", "rk")


def new_word(draw: Draw) -> str:
    """Two or three syllables, of this split: `Tranoul`, `Bekistar`."""
    return draw.of(_word).capitalize()


def _word(random: random.Random) -> str:
    syllables = (
        random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in range(random.randint(2, 3))
    )
    return "".join(syllables) + random.choice(_ENDS)
