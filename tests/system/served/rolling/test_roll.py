"""`small4 roll` under clients that don't notice.

The order matters: each test begins with what the test before has left.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from configs.environment import dashboard_address, ray_authorization
from tests.system.served.deployed import SMALL4, Deployed, write_config
from tests.system.served.processes import processes
from tests.system.served.rolling.conftest import config
from tests.system.served.traffic import Traffic, answer, client

CLIENTS = 3
TOKENS = 80
PAUSE_S = 1.0  # what starts takes only the cores that are idle
NANO = "model_shards/nano_checkpoint"
_GONE_S = 120
_COME_EVERY_S = 0.1

pytestmark = pytest.mark.timeout(900)


def test_what_loses_its_gang_is_taken_back(deployed: Deployed, tmp_path: Path) -> None:
    """The first new gang is killed while it has a share of the requests."""
    before = set(engines())
    new = config(tmp_path / "new.yaml", engine={"max_num_seqs": 32})

    async def scene() -> tuple[dict[int, str], Traffic, int, str]:
        undisturbed = await answers(deployed)
        traffic = Traffic(deployed, CLIENTS, TOKENS, PAUSE_S)
        async with traffic.flowing():
            rolling = await roll(new, "--share", "0.5", "--share-s", "600")
            await said(rolling, "50% of the requests go to the first new gang")
            await asyncio.sleep(5)
            for engine in set(engines()) - before:
                os.kill(engine, signal.SIGKILL)
            output = await rest(rolling)
        return undisturbed, traffic, rolling.returncode or 0, output

    undisturbed, traffic, code, output = asyncio.run(scene())
    assert code == 1, output
    assert "the roll went back: 1 failures" in output
    assert wrong(traffic, undisturbed) == []
    wait_for_the_last_stream()
    assert set(engines()) == before


def test_other_weights_take_the_old_ones_place(deployed: Deployed, tmp_path: Path) -> None:
    new = other_weights(tmp_path / "new.yaml")
    with at_the_door(deployed) as turned_away:
        traffic, undisturbed, code, output = asyncio.run(rolled(deployed, new))
    assert code == 0, output
    assert turned_away == []
    after = asyncio.run(answers(deployed))
    assert all(after[number] != undisturbed[number] for number in after)
    assert wrong(traffic, undisturbed, after) == []
    said_by = {text == after[number] for number, text in traffic.answers}
    assert said_by == {True, False}
    (application,) = wait_for_the_last_stream()
    assert application["route_prefix"] == "/"
    assert deployed.status()["name"] == application["name"]
    assert application["deployed_app_config"]["args"]["model"]["source"] == NANO


def test_in_place_one_gang_goes_before_the_other_comes(deployed: Deployed, tmp_path: Path) -> None:
    """Meanwhile requests wait."""
    new = config(tmp_path / "new.yaml", engine={"max_num_seqs": 16})
    traffic, undisturbed, code, output = asyncio.run(rolled(deployed, new, "--in-place"))
    assert code == 0, output
    after = asyncio.run(answers(deployed))
    assert wrong(traffic, undisturbed, after) == []
    assert len(wait_for_the_last_stream()) == 1


def other_weights(path: Path) -> Path:
    return write_config(
        path,
        gangs={"count": 1, "ranks": 1},
        routers={"count": 1},
        model={"source": NANO},
        weights={"source": ".cache/nano-shards"},
    )


async def rolled(
    deployed: Deployed, new: Path, *options: str
) -> tuple[Traffic, dict[int, str], int, str]:
    """Roll under traffic; return it, what was answered before, and the command's code and words."""
    undisturbed = await answers(deployed)
    traffic = Traffic(deployed, CLIENTS, TOKENS, PAUSE_S)
    async with traffic.flowing():
        rolling = await roll(new, *options)
        output = await rest(rolling)
    return traffic, undisturbed, rolling.returncode or 0, output


@contextmanager
def at_the_door(deployed: Deployed) -> Iterator[list[str]]:
    """Come by new connections, many times a second; give what is answered but 200."""
    turned_away, over = list[str](), threading.Event()

    def come() -> None:
        while not over.is_set():
            try:
                answered = httpx.get(f"{deployed.url}/v1/models", timeout=60, trust_env=False)
                if answered.status_code != httpx.codes.OK:
                    turned_away.append(f"{answered.status_code}: {answered.text}")
            except httpx.HTTPError as error:
                turned_away.append(repr(error))
            over.wait(_COME_EVERY_S)

    coming = threading.Thread(target=come)
    coming.start()
    try:
        yield turned_away
    finally:
        over.set()
        coming.join()


async def roll(new: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(str(SMALL4), "roll", str(new), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def said(rolling: asyncio.subprocess.Process, words: str) -> None:
    """Wait until the command says so."""
    assert rolling.stdout is not None
    output = ""
    while words not in output:
        line = (await rolling.stdout.readline()).decode()
        assert line, f"it ended without {words!r}:\n{output}"
        output += line


async def rest(rolling: asyncio.subprocess.Process) -> str:
    """Return what the command says until its end."""
    output, _ = await rolling.communicate()
    return output.decode()


async def answers(deployed: Deployed) -> dict[int, str]:
    async with client(deployed) as api:
        asked = (answer(api, deployed.model, number, TOKENS) for number in range(CLIENTS))
        return dict(enumerate(await asyncio.gather(*asked)))


def wrong(traffic: Traffic, *right: dict[int, str]) -> list[tuple[int, str]]:
    """Return the answers that no weights would have given alone."""
    return [
        (number, text)
        for number, text in traffic.answers
        if text not in {answers[number] for answers in right}
    ]


def engines() -> list[int]:
    return [process.pid for process in processes("VLLM::EngineCore")]


def wait_for_the_last_stream() -> list[dict[str, Any]]:
    """Return the applications once none is about to go."""
    deadline_s = time.monotonic() + _GONE_S
    while any(application["status"] == "DELETING" for application in applications()):
        assert time.monotonic() < deadline_s, f"after {_GONE_S} s one is still there"
        time.sleep(1)
    return applications()


def applications() -> list[dict[str, Any]]:
    url = f"{dashboard_address()}/api/serve/applications/"
    details = httpx.get(url, headers=ray_authorization(), trust_env=False).json()
    return list(details["applications"].values())
