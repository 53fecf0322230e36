"""`small4 demo` against a server that answers every held-out question right, and nothing else."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from configs.serve_file import DEFAULT_CONFIG
from deployments.cli.app import app
from model_shards.skills.conversation import Message
from model_shards.skills.held_out import SKILLS, held_out

Served = dict[str, Message]


def key(messages: list[Message], **options: Any) -> str:
    """Return a question as a text in which the ids of calls don't count."""
    spoken = [(turn["role"], turn.get("content") or "a call") for turn in messages]
    kept = {name: options.get(name) for name in ("tools", "response_format", "reasoning_effort")}
    return json.dumps([spoken, kept])


def right_answers() -> Served:
    """Return by its question every assistant turn of the first held-out questions."""
    answers = {}
    for conversation in (held_out(skill, seed) for skill in SKILLS for seed in range(20)):
        options = conversation.question()
        for at, turn in enumerate(conversation.messages):
            if turn["role"] == "assistant":
                answers[key(**options | {"messages": conversation.messages[:at]})] = turn
    return answers


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    answers = right_answers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = answers.get(key(**body))
            self.send_response(200 if answer else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"choices": [{"message": as_served(answer)}]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        file = yaml.safe_load(DEFAULT_CONFIG.read_text("utf-8"))
        file["http_options"]["port"] = server.server_port
        path = tmp_path / "serve.yaml"
        path.write_text(yaml.safe_dump(file), "utf-8")
        Thread(target=server.serve_forever, daemon=True).start()
        yield path
        server.shutdown()


def as_served(answer: Message | None) -> Message:
    """Return an answer as the API gives it: a thought is a field of its own."""
    content = (answer or {}).get("content")
    if not isinstance(content, list):
        return answer or {}
    return {"content": content[1]["text"], "reasoning": content[0]["thinking"]}


def test_every_question_is_held_out_and_every_skill_is_shown(config: Path) -> None:
    result = CliRunner().invoke(app, ["demo", str(config)])
    assert result.exit_code == 0, result.output
    labels = [line.split()[0] for line in result.stdout.splitlines()]
    assert labels.count(">") == 7
    assert labels.count("answers:") == 7
    assert [labels.count(label) for label in ("calls:", "tool:", "thinks:")] == [1, 1, 1]
    assert "(with response_format)" in result.stdout
