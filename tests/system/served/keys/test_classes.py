"""Which requests go first where the engine is full."""

import asyncio

from tests.system.served.deployed import Deployed
from tests.system.served.keys.asking import Told, client_for_many, start
from tests.system.served.keys.clients import SEQUENCES

_LONG = 400
_OF_ONE_KEY = SEQUENCES - 1  # that a rank begins; the reserve is for others' first requests


def test_batch_yields_at_once_and_loses_no_word(deployed: Deployed) -> None:
    async def scene() -> tuple[list[Told], list[Told], list[Told]]:
        async with (
            client_for_many(deployed, "batch") as batch,
            client_for_many(deployed, "interactive") as interactive,
        ):
            undisturbed = await asyncio.gather(*start(batch, _OF_ONE_KEY, _LONG))
            begun = asyncio.Semaphore(0)
            running = start(batch, _OF_ONE_KEY, _LONG, begun)
            for _ in running:
                await begun.acquire()
            sooner = await asyncio.gather(*start(interactive, 4, 4))
            return undisturbed, await asyncio.gather(*running), sooner

    before = engines(deployed)
    undisturbed, yielded, sooner = asyncio.run(scene())
    assert engines(deployed) == before  # none died of what came back to it
    assert max(told.last_s for told in sooner) < min(told.last_s for told in yielded)
    assert [told.text for told in yielded] == [told.text for told in undisturbed]


def engines(deployed: Deployed) -> list[int]:
    return [rank["engine_pid"] for rank in deployed.status()["ranks"]]


def test_a_keys_many_requests_dont_delay_anothers_first(deployed: Deployed) -> None:
    """A request that came when forty waited begins among the next few, not after all of them."""

    async def scene() -> tuple[list[Told], Told]:
        async with (
            client_for_many(deployed, "many") as many,
            client_for_many(deployed, "few") as few,
        ):
            before = start(many, 5 * SEQUENCES, 30)
            await asyncio.wait(before, return_when=asyncio.FIRST_COMPLETED)
            (only,) = await asyncio.gather(*start(few, 1, 30))
            return await asyncio.gather(*before), only

    before, only = asyncio.run(scene())
    later = [told for told in before if told.first_s > only.first_s]
    # Three routers at once may each have filled the rank, before they knew of each other.
    assert len(later) >= len(before) - 3 * SEQUENCES
