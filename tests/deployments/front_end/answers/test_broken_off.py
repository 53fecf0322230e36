"""Why an answer broke off, as vLLM's front end says it."""

import asyncio
from typing import Any

import pytest
from vllm.exceptions import GenerationError

from configs.errors import CantMoveError
from deployments.front_end.answers.broken_off import raise_if_error
from deployments.front_end.middleware.turned_away import TurnedAway, turn_away


@pytest.mark.parametrize(
    ("noted", "said"), [([], "Internal server error"), ([CantMoveError("the seed")], "the seed")]
)
def test_the_routers_reason_is_said(noted: list[CantMoveError], said: str) -> None:
    async def app(*_: Any) -> None:
        for error in noted:
            turn_away(error)
        raise_if_error(None, "stop", "r")
        raise_if_error(None, "error", "r")

    serving: Any = TurnedAway(app, lambda: 1)
    with pytest.raises(GenerationError, match=said):
        asyncio.run(serving({}, None, None))
