"""Ray's head ends with its GCS, which has no Redis behind it: all ends, and can begin anew."""

import asyncio
import time

import openai
import psutil

from tests.system.served.deployed import Deployed
from tests.system.served.processes import processes
from tests.system.served.streams import LONG, Streams

_GONE_S = 150
_SERVING = ("VLLM::", "ray::", "small4::")


def test_all_ends_with_the_gcs_and_is_served_anew(deployed: Deployed) -> None:
    async def cut() -> object:
        streams = Streams(deployed.url, deployed.model, LONG)
        answering = asyncio.create_task(streams.answers())
        await streams.begun.wait()
        (gcs,) = named("gcs_server")
        gcs.kill()
        return (await asyncio.gather(answering, return_exceptions=True))[0]

    ended = asyncio.run(cut())
    assert isinstance(ended, openai.APIError), ended
    deadline_s = time.monotonic() + _GONE_S
    while left := [
        *named("haproxy", "raylet"),
        *(p for title in _SERVING for p in processes(title)),
    ]:
        assert time.monotonic() < deadline_s, left
        time.sleep(1)
    again = Deployed.up(deployed.config)
    with openai.OpenAI(base_url=f"{again.url}/v1", api_key="none", timeout=120) as client:
        answer = client.completions.create(model=again.model, prompt="Who?", max_tokens=2)
    assert answer.choices[0].text


def named(*names: str) -> list[psutil.Process]:
    """Find the programs of these names in this network namespace."""
    return [process for process in processes("") if process.name() in names]
