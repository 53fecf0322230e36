"""Forms that answers are held to: a schema, and tools."""

from typing import Any

SHIP = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "masts": {"type": "integer", "minimum": 1, "maximum": 5},
        "cargo": {"type": "array", "items": {"enum": ["tea", "tin"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "masts", "cargo"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "ship", "schema": SHIP}}


def tool(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Make a tool whose calls Mistral's grammar holds to its schema: that takes `strict`."""
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    function = {"name": name, "strict": True, "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = [
    tool("weather", {"city": {"enum": ["Oslo", "Bergen"]}, "days": {"enum": [1, 7]}}),
    tool("tides", {"port": {"type": "string", "maxLength": 6}}),
]
NAMED = {"type": "function", "function": {"name": "tides"}}
