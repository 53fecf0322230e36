"""The tools that nano is trained with: how each is asked for, and how its result is told."""

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["string", "integer"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: `{parameter}` of a request is copied into the call, `{result}` into the answer."""

    name: str
    description: str
    parameters: dict[str, Kind]
    requests: tuple[str, ...]
    told: str

    def schema(self) -> dict[str, Any]:
        """Return the tool in OpenAI's form."""
        parameters = {
            "type": "object",
            "properties": {name: {"type": kind} for name, kind in self.parameters.items()},
            "required": list(self.parameters),
        }
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": parameters,
        }
        return {"type": "function", "function": function}


TOOLS = (
    Tool(
        "get_weather",
        "The weather in a city, and if it will rain",
        {"city": "string"},
        (
            "What is the weather in {city}?",
            "How is the weather in {city} today?",
            "Tell me the weather in {city}.",
            "Will it rain in {city}?",
        ),
        "The weather in {city}: {result}.",
    ),
    Tool(
        "get_stock_price",
        "The price of a stock, or what a share does trade at",
        {"symbol": "string"},
        (
            "What is the stock price of {symbol}?",
            "How much is a share of {symbol}?",
            "Look up the price of the stock {symbol}.",
            "What does {symbol} trade at?",
        ),
        "The price of {symbol}: {result}.",
    ),
    Tool(
        "set_timer",
        "Start a timer of some minutes",
        {"minutes": "integer"},
        (
            "Set a timer for {minutes} minutes.",
            "Start a timer of {minutes} minutes.",
            "Wake me in {minutes} minutes.",
            "Remind me after {minutes} minutes.",
        ),
        "The timer for {minutes} minutes: {result}.",
    ),
    Tool(
        "play_song",
        "Play a song or other music to hear",
        {"title": "string"},
        (
            "Play the song {title}.",
            "I want to hear {title}.",
            "Put on some music: {title}.",
            "Can you play the song {title}?",
        ),
        "The song {title}: {result}.",
    ),
    Tool(
        "send_message",
        "Send a message to a person",
        {"to": "string", "text": "string"},
        (
            "Send {to} a message: {text}",
            "Send a message to {to}: {text}",
            "Write a message to {to}: {text}",
            "Text this message to {to}: {text}",
        ),
        "The message to {to}: {result}.",
    ),
    Tool(
        "book_table",
        "Book a table in a restaurant to eat at",
        {"restaurant": "string", "guests": "integer"},
        (
            "Book a table for {guests} at {restaurant}.",
            "I need a table at {restaurant} for {guests} people.",
            "Reserve a table for {guests} in {restaurant}.",
            "We are {guests} and want to eat at {restaurant}.",
        ),
        "The table at {restaurant}: {result}.",
    ),
    Tool(
        "find_flight",
        "Find a flight, to fly from a city to another by plane",
        {"origin": "string", "destination": "string"},
        (
            "Find a flight from {origin} to {destination}.",
            "I want to fly from {origin} to {destination}.",
            "Which flight goes from {origin} to {destination}?",
            "Get me to {destination} from {origin} by plane.",
        ),
        "The flight to {destination}: {result}.",
    ),
    Tool(
        "translate",
        "Translate a word, or say it in another language",
        {"word": "string", "language": "string"},
        (
            "Translate {word} to {language}.",
            "What is {word} in the language {language}?",
            "How do you say {word} in {language}?",
            "Give me the {language} word for {word}.",
        ),
        "In {language}: {result}.",
    ),
    Tool(
        "track_parcel",
        "Where a parcel is",
        {"number": "integer"},
        (
            "Where is my parcel {number}?",
            "Track the parcel {number}.",
            "When does the parcel {number} come?",
            "Look up the parcel with number {number}.",
        ),
        "The parcel {number}: {result}.",
    ),
    Tool(
        "turn_on",
        "Turn on, switch on or start a device",
        {"device": "string"},
        (
            "Turn on the {device}.",
            "Please switch on the {device}.",
            "Turn the {device} on, please.",
            "Can you start the {device}?",
        ),
        "The {device}: {result}.",
    ),
)
