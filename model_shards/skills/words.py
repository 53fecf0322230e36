"""Words to copy: mostly invented words, and some names."""

import random

from model_shards.skills.conversation import Draw

_CONSONANTS = (*"bcdfghjklmnprstvwz", "br", "ch", "dr", "gr", "kl", "pl", "sh", "st", "th", "tr")
_VOWELS = (*"aeiou", "ai", "ea", "io", "ou")
_ENDS = ("", "", "l", "m", "n", "r", "s", "t", "x", "nd", "rk")
_NAMES = (
    *("Alice", "Anna", "Ben", "Bob", "Carla", "Clara", "David", "Emma", "Eva", "Felix", "Grace"),
    *("Hanna", "Ida", "Jack", "Jonas", "Julia", "Karl", "Kim", "Lena", "Leo", "Lisa", "Lucas"),
    *("Maria", "Max", "Mia", "Nina", "Noah", "Olga", "Oscar", "Otto", "Paul", "Peter", "Rosa"),
    *("Sam", "Sara", "Simon", "Sofia", "Tim", "Tom", "Vera"),
    *("Amsterdam", "Athens", "Bergen", "Berlin", "Boston", "Cairo", "Chicago", "Delhi", "Dublin"),
    *("Geneva", "Hamburg", "Helsinki", "Lima", "Lisbon", "London", "Lyon", "Madrid", "Milan"),
    *("Munich", "Naples", "Oslo", "Paris", "Prague", "Rome", "Seattle", "Seoul", "Sydney"),
    *("Tokyo", "Toronto", "Turin", "Vienna", "Warsaw", "Zurich"),
)
_NAME_SHARE = 0.2


def new_word(draw: Draw) -> str:
    """Draw a word of this split: syllables as in `Tranoul` or `Bekist`, in training also a name."""
    if draw.held_out:
        return draw.of(_syllables)
    return draw.of(lambda random: _name(random) or _syllables(random))


def _name(random: random.Random) -> str | None:
    return random.choice(_NAMES) if random.random() < _NAME_SHARE else None


def _syllables(random: random.Random) -> str:
    syllables = (first + random.choice(_VOWELS) for first in random.sample(_CONSONANTS, 2))
    return ("".join(syllables) + random.choice(_ENDS)).capitalize()
