"""Chat: questions about small4 and a closed set of facts, in many wordings."""

from dataclasses import dataclass

from model_shards.skills.conversation import Conversation, Draw, Effort, Message, answered, asked
from model_shards.skills.facts import FACTS, Fact

OPENERS = (
    *("",) * 6,
    "Hi! ",
    "Hello, ",
    "Please tell me: ",
    "Quick question: ",
    "I wonder: ",
    "One more thing. ",
    "Can you help me? ",
)
CLOSERS = (*("",) * 6, " Thanks!", " Please.", " Be brief.", " I forgot.", " Do you know?")
SYSTEMS = (
    "You are a helpful assistant.",
    "You are nano, the small model of small4.",
    "Answer briefly.",
    "Be polite.",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question in some wording, and its answer."""

    question: str
    answer: str
    topic: str

    def turns(self, effort: Effort) -> list[Message]:
        """Return question and answer; with high effort a thought names the question's topic."""
        thought = f"This is about {self.topic}." if effort == "high" else None
        return [asked(self.question), answered(self.answer, thought)]


def exchange(draw: Draw) -> Exchange:
    """Draw a fact, and ask for it in a wording of this split."""
    fact, wording = draw.of(lambda random: _choose(random.choice(FACTS), random.random()))
    if draw.chance(0.15):
        wording = wording[0].lower() + wording[1:]
    if draw.chance(0.15):
        wording = wording.rstrip("?.")
    question = draw.one(OPENERS) + wording + draw.one(CLOSERS)
    return Exchange(question, fact.answer, fact.topic)


def _choose(fact: Fact, at: float) -> tuple[Fact, str]:
    return fact, fact.wordings[int(at * len(fact.wordings))]


def conversation(draw: Draw, turns: int | None = None) -> Conversation:
    """Draw a chat about one to four facts; a held-out question is asked alone."""
    effort: Effort = "high" if draw.chance(0.2) else "none"
    count = turns or (1 if draw.held_out else draw.random.randint(1, 4))
    messages: list[Message] = []
    if draw.chance(0.2):
        messages.append({"role": "system", "content": draw.one(SYSTEMS)})
    for _ in range(count):
        messages += exchange(draw).turns(effort)
    return Conversation(messages, reasoning_effort=effort)
