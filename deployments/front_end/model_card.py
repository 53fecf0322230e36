"""Adds `GET /v1/models/{id}`, which vLLM's API server lacks. Read from vLLM 0.32."""

from fastapi import FastAPI, Request
from vllm.entrypoints.serve.engine.protocol import ModelCard
from vllm.exceptions import VLLMNotFoundError


def install(app: FastAPI) -> None:
    app.get("/v1/models/{name:path}")(model_card)


async def model_card(name: str, request: Request) -> ModelCard:
    """Return the entry of `GET /v1/models` whose id is `name`.

    Raises VLLMNotFoundError if there is none.
    """
    cards = (await request.app.state.openai_serving_models.show_available_models()).data
    for card in cards:
        if card.id == name:
            return card
    served = ", ".join(card.id for card in cards)
    raise VLLMNotFoundError(f"The model `{name}` does not exist. Valid ids: {served}")
