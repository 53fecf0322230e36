"""What the tests of the API ask: noise comes back, so they look at its form."""

import base64
import io
from typing import Any

import httpx
import openai
import psutil
from PIL import Image

from configs.environment import dashboard_address, ray_authorization
from tests.system.served.deployed import MODEL

QUESTION: list[Any] = [{"role": "user", "content": "Tell me of the sea."}]


def chat(client: openai.OpenAI, **arguments: Any) -> Any:
    """Ask for a chat completion; greedy and short unless `arguments` say otherwise."""
    defaults = {"model": MODEL, "messages": QUESTION, "max_tokens": 12, "temperature": 0}
    return client.chat.completions.create(**{**defaults, **arguments})


def counts(usage: Any) -> dict[str, Any]:
    """Return a usage without what the prefix cache gave, which may be more each time."""
    told: dict[str, Any] = usage.model_dump(exclude={"prompt_tokens_details"})
    return told


def picture(colour: str, size: tuple[int, int] = (64, 48)) -> dict[str, Any]:
    """Make an image part in one colour, as a client sends it."""
    png = io.BytesIO()
    Image.new("RGB", size, colour).save(png, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def about(*pictures: dict[str, Any]) -> list[Any]:
    """Make a message that shows pictures."""
    return [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, *pictures]}]


def router_pids() -> list[int]:
    address = f"{dashboard_address()}/api/serve/applications/"
    applications = httpx.get(address, headers=ray_authorization()).json()
    routers = applications["applications"]["small4"]["deployments"]["Router"]["replicas"]
    return [router["pid"] for router in routers]


def router_urls() -> list[str]:
    """Return where the routers listen for HAProxy."""
    return [
        f"http://127.0.0.1:{listening.laddr.port}"
        for pid in router_pids()
        for listening in psutil.Process(pid).net_connections("tcp")
        if listening.status == psutil.CONN_LISTEN and listening.laddr.ip == "127.0.0.1"
    ]


def tool(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    # Mistral's grammar holds a call to the schemas of strict tools only.
    return {
        "type": "function",
        "function": {"name": name, "strict": True, "parameters": parameters},
    }


TOOLS = [
    tool("weather", {"city": {"enum": ["Oslo", "Bergen"]}, "days": {"enum": [1, 7]}}),
    tool("tides", {"port": {"type": "string", "maxLength": 6}}),
]
