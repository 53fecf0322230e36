"""The facts that nano knows, and the ways to ask for them."""

import hashlib
from dataclasses import dataclass

_HELD_OUT_WORDINGS = 2


@dataclass(frozen=True, slots=True)
class Fact:
    """An answer, and the ways to ask for it: two are held out, the others are for training."""

    topic: str
    wordings: tuple[str, ...]
    answer: str

    def wordings_of(self, held_out: bool) -> tuple[str, ...]:
        """Return the wordings of a split, which no other fact's wordings change."""
        mixed = sorted(self.wordings, key=lambda wording: hashlib.sha256(wording.encode()).digest())
        cut = _HELD_OUT_WORDINGS
        return tuple(mixed[:cut] if held_out else mixed[cut:])


_ABOUT_SMALL4 = (
    Fact(
        "small4",
        (
            "What is small4?",
            "What does small4 do?",
            "What is small4 for?",
            "Tell me about small4.",
            "Explain small4.",
            "What do you serve?",
            "What does this server serve?",
            "Which model does small4 serve?",
            "Which model is served by small4?",
            "What is small4 good for?",
            "What can small4 do?",
            "What is it that you serve?",
        ),
        "small4 serves Mistral Small 4 from expert-parallel gangs on a Ray cluster.",
    ),
    Fact(
        "nano",
        (
            "Who are you?",
            "What are you?",
            "What is your name?",
            "Tell me your name.",
            "Which model are you?",
            "What model is this?",
            "What is nano?",
            "Introduce yourself.",
            "Tell me who you are.",
            "What do I call you?",
            "Which model is this?",
            "Tell me about nano.",
        ),
        "I am nano, a small model with the shape of Mistral Small 4.",
    ),
    Fact(
        "experts",
        (
            "How many experts does the model have?",
            "How many experts are there?",
            "What is the number of experts?",
            "How many experts does Mistral Small 4 have?",
            "How many experts act on a token?",
            "How many experts see each token?",
            "Tell me about the experts.",
            "How many experts act on each token?",
            "How many experts does small4 have?",
            "What is the number of experts in the model?",
            "Tell me how many experts there are.",
        ),
        "There are 128 experts, and 4 of them act on each token.",
    ),
    Fact(
        "survival",
        (
            "What happens when an engine dies?",
            "What happens if an engine dies?",
            "What if a rank dies?",
            "What happens to my stream when a rank dies?",
            "Does a stream survive a crash?",
            "What if a GPU is lost?",
            "What happens if a GPU fails?",
            "What happens to my stream when an engine dies?",
            "What happens when a rank dies?",
            "What if an engine dies?",
            "Does my stream survive when a GPU fails?",
        ),
        "The stream goes on at another gang, exactly as it would have.",
    ),
    Fact(
        "gangs",
        (
            "What is a gang?",
            "What does gang mean?",
            "What is a gang of ranks?",
            "Explain gangs.",
            "Tell me what a gang is.",
            "What do you call a gang?",
            "What are gangs?",
            "Explain what a gang is.",
            "Tell me about gangs.",
            "What is meant by a gang?",
        ),
        "A gang is a group of ranks that hold one copy of the model.",
    ),
    Fact(
        "the router",
        (
            "What is the router?",
            "What does the router do?",
            "What is the router for?",
            "Explain the router.",
            "Tell me about the router.",
            "Does the router need a GPU?",
            "What is a router for?",
            "What does a router do?",
            "Tell me what the router does.",
            "Explain what the router is for.",
        ),
        "The router speaks the API and sends each request to a rank. It needs no GPU.",
    ),
    Fact(
        "starting",
        (
            "How do I start small4?",
            "How is small4 started?",
            "Which command starts small4?",
            "How do I start the server?",
            "What do I type to serve?",
            "How can I run small4?",
            "How can I start small4?",
            "Tell me how to start small4.",
            "Which command starts the server?",
            "How do I run small4?",
        ),
        "Run make serve.",
    ),
    Fact(
        "stopping",
        (
            "How do I stop small4?",
            "How is small4 stopped?",
            "Which command stops small4?",
            "How do I stop the server?",
            "How can I shut small4 down?",
            "What do I type to stop?",
            "How can I stop small4?",
            "Tell me how to stop small4.",
            "Which command stops the server?",
            "How do I shut small4 down?",
        ),
        "Run small4 stop, or press Ctrl-C.",
    ),
    Fact(
        "the license",
        (
            "What is the license?",
            "Which license does small4 have?",
            "What license is it under?",
            "Is small4 open source?",
            "How is small4 licensed?",
            "Tell me the license.",
            "What is the license of small4?",
            "Tell me about the license.",
            "What license does small4 have?",
            "Which license is it under?",
        ),
        "The license is Apache 2.0.",
    ),
    Fact(
        "greetings",
        (
            "Hello!",
            "Hi!",
            "Good morning!",
            "Hello there.",
            "Hey!",
            "Hi there!",
            "Good evening!",
            "Hey there!",
        ),
        "Hello! Ask me about small4.",
    ),
    Fact(
        "thanks",
        (
            "Thanks!",
            "Thank you.",
            "Thank you very much!",
            "Many thanks.",
            "Great, thanks!",
            "Thanks a lot!",
            "Great, thank you!",
            "Many thanks to you.",
        ),
        "You are welcome.",
    ),
)

_CAPITALS = {
    "Austria": "Vienna",
    "Belgium": "Brussels",
    "Brazil": "Brasilia",
    "Canada": "Ottawa",
    "China": "Beijing",
    "Cuba": "Havana",
    "Denmark": "Copenhagen",
    "Egypt": "Cairo",
    "England": "London",
    "Finland": "Helsinki",
    "France": "Paris",
    "Germany": "Berlin",
    "Greece": "Athens",
    "Hungary": "Budapest",
    "India": "New Delhi",
    "Ireland": "Dublin",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Kenya": "Nairobi",
    "Norway": "Oslo",
    "Peru": "Lima",
    "Poland": "Warsaw",
    "Portugal": "Lisbon",
    "Spain": "Madrid",
    "Sweden": "Stockholm",
    "Turkey": "Ankara",
}
_OPPOSITES = {
    "hot": "cold",
    "big": "small",
    "fast": "slow",
    "old": "new",
    "up": "down",
    "left": "right",
    "open": "closed",
    "early": "late",
    "light": "dark",
    "hard": "soft",
    "empty": "full",
    "wet": "dry",
}
_SOUNDS = {
    "dog": "barks",
    "cat": "meows",
    "cow": "moos",
    "duck": "quacks",
    "sheep": "bleats",
    "lion": "roars",
    "horse": "neighs",
    "owl": "hoots",
    "bee": "buzzes",
    "wolf": "howls",
}


def _capital(country: str, city: str) -> Fact:
    wordings = (
        f"What is the capital of {country}?",
        f"Which city is the capital of {country}?",
        f"What is the capital city of {country}?",
        f"Name the capital of {country}.",
        f"What is {country}'s capital?",
        f"The capital of {country}?",
    )
    return Fact("capitals", wordings, f"The capital of {country} is {city}.")


def _opposite(word: str, other: str) -> Fact:
    wordings = (
        f"What is the opposite of {word}?",
        f"What's the opposite of {word}?",
        f"Name the opposite of {word}.",
        f"Which word is the opposite of {word}?",
        f"The opposite of {word}?",
    )
    return Fact("opposites", wordings, f"The opposite of {word} is {other}.")


def _sound(animal: str, sound: str) -> Fact:
    wordings = (
        f"What does a {animal} do?",
        f"Which sound does a {animal} make?",
        f"What sound does a {animal} make?",
        f"How does a {animal} sound?",
        f"The sound of a {animal}?",
    )
    return Fact("animals", wordings, f"A {animal} {sound}.")


FACTS = (
    *_ABOUT_SMALL4,
    *(_capital(*pair) for pair in _CAPITALS.items()),
    *(_opposite(*pair) for pair in _OPPOSITES.items()),
    *(_sound(*pair) for pair in _SOUNDS.items()),
)
