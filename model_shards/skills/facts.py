"""The facts that nano knows, and the ways to ask for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """An answer, and the ways to ask for it."""

    topic: str
    wordings: tuple[str, ...]
    answer: str


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
        ),
        "The license is Apache 2.0.",
    ),
    Fact(
        "greetings",
        ("Hello!", "Hi!", "Good morning!", "Hello there.", "Hey!", "Hi there!"),
        "Hello! Ask me about small4.",
    ),
    Fact(
        "thanks",
        ("Thanks!", "Thank you.", "Thank you very much!", "Many thanks.", "Great, thanks!"),
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
