"""`small4 demo`: questions of several skills that training never had, as a transcript."""

from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from configs.environment import authorization
from configs.errors import ClusterError
from configs.serve_file import DEFAULT_CONFIG, ServeFile
from deployments.cli.checkout import require_checkout
from deployments.cli.errors import reported

Message = dict[str, Any]
# Skill and number of held-out questions.
_SHOWN = (
    ("chat", 2),
    ("tools", 2),
    ("tools", 10),
    ("reasoning", 3),
    ("vision", 3),
    ("vision", 5),
    ("forms", 9),
)


def demo(
    config: Annotated[Path, typer.Argument(help="A Ray Serve config file.")] = DEFAULT_CONFIG,
) -> None:
    """Ask the running deployment held-out questions: chat, tools, a sum, images, a form."""
    from model_shards.skills.held_out import held_out

    with reported():
        require_checkout("small4 demo")
        file = ServeFile.load(config)
        with httpx.Client(
            base_url=f"{file.url}/v1", headers=authorization(), timeout=120, trust_env=False
        ) as client:
            talk = Transcript(client, file.deployment.model.name)
            for skill, number in _SHOWN:
                conversation = held_out(skill, number)
                talk.play(conversation.messages, conversation.question())


class Transcript:
    """Conversations with the deployment: asks, decodes greedily and prints both sides."""

    def __init__(self, client: httpx.Client, model: str) -> None:
        self._client = client
        self._model = model
        self._out = Console(highlight=False, markup=False, soft_wrap=True)

    def play(self, expected: list[Message], question: dict[str, Any]) -> None:
        """Take the client's turns from `expected`, and let the deployment take the assistant's.

        The other parts of `question` go with every request.
        """
        messages: list[Message] = []
        for turn in expected:
            if turn["role"] == "assistant":
                messages.append(self._answer(question | {"messages": messages}))
                self._tell(messages[-1])
            elif turn["role"] == "tool":
                calls = messages[-1].get("tool_calls")
                if not calls:
                    return
                messages.append({**turn, "tool_call_id": calls[0]["id"]})
                self._put("tool:", turn["content"])
            else:
                messages.append(turn)
                self._put(">", _shown(turn["content"]) + _options(question))

    def _answer(self, question: dict[str, Any]) -> Message:
        body = {"model": self._model, "temperature": 0, "max_tokens": 100}
        try:
            response = self._client.post("/chat/completions", json={**body, **question})
        except httpx.TransportError as error:
            raise ClusterError(
                f"nothing answers at {self._client.base_url} ({error}); `small4 serve` starts it"
            ) from error
        if response.is_error:
            raise ClusterError(f"the deployment refused: {response.text}")
        message: Message = response.json()["choices"][0]["message"]
        return message

    def _tell(self, message: Message) -> None:
        if thought := message.get("reasoning"):
            self._put("thinks:", thought)
        for call in message.get("tool_calls") or ():
            function = call["function"]
            self._put("calls:", f"{function['name']} {function['arguments']}")
        if message.get("content"):
            self._put("answers:", message["content"])

    def _put(self, label: str, text: str) -> None:
        self._out.print(f"{label:<9}{text}")


def _shown(content: str | list[dict[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "(image)") for part in content)


def _options(question: dict[str, Any]) -> str:
    """Name what goes with a question: its tools, its form, its effort where it is high."""
    options = []
    if tools := question.get("tools"):
        options.append("tools: " + ", ".join(tool["function"]["name"] for tool in tools))
    if "response_format" in question:
        options.append("with response_format")
    if question["reasoning_effort"] != "none":
        options.append(f"reasoning_effort: {question['reasoning_effort']}")
    return "".join(f"  ({option})" for option in options)
