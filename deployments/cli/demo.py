"""`small4 demo`: a chat, a tool, a sum and a picture, as a transcript."""

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


def demo(
    config: Annotated[Path, typer.Argument(help="A Ray Serve config file.")] = DEFAULT_CONFIG,
) -> None:
    """Show what the running deployment's model can do: chat, tools, reasoning, images."""
    with reported():
        require_checkout("small4 demo")
        file = ServeFile.load(config)
        with httpx.Client(
            base_url=f"{file.url}/v1", headers=authorization(), timeout=120, trust_env=False
        ) as client:
            talk = Transcript(client, file.deployment.model.name)
            talk.ask("What happens to my stream when a rank dies?")
            talk.call("Will it rain in Oslo?", result="rain, 8 degrees")
            talk.call("Book a table for 4 at Maxim.", result="done")
            talk.ask("What is 38 + 47?", reasoning_effort="high")
            talk.show("Which shape is it?", "orange", "triangle")
            talk.show("Which colour is it?", "orange", "triangle")


class Transcript:
    """A conversation with the deployment: asks, decodes greedily and prints both sides."""

    def __init__(self, client: httpx.Client, model: str) -> None:
        self._client = client
        self._model = model
        self._out = Console(highlight=False, markup=False, soft_wrap=True)

    def ask(self, question: str, **options: Any) -> None:
        """Ask a question; print the answer, and the thought before it if there is one."""
        self._put(">", question + "".join(f"  ({key}: {value})" for key, value in options.items()))
        self._tell(self._answer([{"role": "user", "content": question}], **options))

    def call(self, question: str, result: str) -> None:
        """Ask a question that needs a tool; the tool's answer is always `result`."""
        from model_shards.skills.tool_set import TOOLS

        tools = [tool.schema() for tool in TOOLS[:3]]
        names = ", ".join(tool["function"]["name"] for tool in tools)
        self._put(">", f"{question}  (tools: {names})")
        messages: list[Message] = [{"role": "user", "content": question}]
        messages.append(answer := self._answer(messages, tools=tools))
        self._tell(answer)
        for call in answer.get("tool_calls") or ():
            self._put("tool:", result)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
            self._tell(self._answer(messages, tools=tools))

    def show(self, question: str, colour: str, shape: str) -> None:
        """Ask a question about a drawing."""
        from model_shards.skills.vision import data_url, drawn

        self._put(">", f"{question}  (image: {colour} {shape}, 120 × 90)")
        image = data_url(drawn((colour, shape, 128, 120, 90, 80, 50)))
        content = [
            {"type": "image_url", "image_url": {"url": image}},
            {"type": "text", "text": question},
        ]
        self._tell(self._answer([{"role": "user", "content": content}]))

    def _answer(self, messages: list[Message], **options: Any) -> Message:
        body = {"model": self._model, "messages": messages, "temperature": 0, "max_tokens": 100}
        try:
            response = self._client.post("/chat/completions", json={**body, **options})
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
