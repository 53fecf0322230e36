"""A request that ends every engine which computes it, beside others that don't."""

import asyncio
from typing import Any

import openai
import pytest

from tests.system.served.deployed import Deployed
from tests.system.served.streams import GREEDY, Streams
from tests.system.served.two_gangs.living import both_gangs, gangs
from tests.system.served.two_gangs.poison import POISON


def test_it_ends_two_engines_and_fails_alone(deployed: Deployed) -> None:
    status = deployed.wait_until(both_gangs, timeout_s=250)
    innocent = Streams(deployed.url, deployed.model, GREEDY)
    expected = asyncio.run(innocent.answers())
    poisonous = {"temperature": 0, "extra_body": {"vllm_xargs": POISON}}

    async def scene() -> tuple[Any, BaseException]:
        others = Streams(deployed.url, deployed.model, GREEDY)
        answers = asyncio.create_task(others.answers())
        await others.begun.wait()
        with pytest.raises(openai.APIError) as failed:
            await Streams(deployed.url, deployed.model, [poisonous]).answers()
        return await answers, failed.value

    answers, failed = asyncio.run(scene())
    assert "ended two engines" in str(failed)
    assert answers == expected
    known = len(status["lost"])

    def both_are_replaced(status: dict[str, Any]) -> bool:
        return both_gangs(status) and len(status["lost"]) >= known + 2

    now = deployed.wait_until(both_are_replaced, timeout_s=250)
    lost = now["lost"][: len(now["lost"]) - known]
    assert {cause["gang"] for cause in lost} == gangs(status)
    assert ["poisoned" in cause["doing"] for cause in lost] == [True, True]
