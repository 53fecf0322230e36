"""`small4 shard record`: how often the requests of clients choose each expert."""

import contextlib
import random
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from model_shards.nano import NANO
from model_shards.placement.expert_load import ExpertLoad
from tests.system.served.deployed import MODEL, SMALL4, Deployed

_ANSWER_TOKENS = 6


@contextlib.contextmanager
def recording(deployed: Deployed, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(SMALL4), "shard", "record", str(deployed.config), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def begun(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a command's exit status, and what it wrote to stdout and stderr."""
    stdout, stderr = process.communicate(timeout=60)
    return process.returncode, stdout + stderr


def ask(client: openai.OpenAI, prompts: list[list[int]]) -> int:
    """Complete prompts all at once; return how many tokens the engines computed for that."""

    def asked(prompt: list[int]) -> int:
        usage = client.completions.create(
            model=MODEL, prompt=prompt, max_tokens=_ANSWER_TOKENS, extra_body={"ignore_eos": True}
        ).usage
        assert usage is not None
        return usage.total_tokens - 1  # nothing follows the last

    with ThreadPoolExecutor(len(prompts)) as threads:
        return sum(threads.map(asked, prompts))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_token_of_both_ranks_counts_from_zero_each_time(
    deployed: Deployed, client: openai.OpenAI, tmp_path: Path, seed: int
) -> None:
    deployed.wait_until(lambda status: not any(r["requests"] for r in status["ranks"]), 60)
    draw = random.Random(seed)  # prompts that no rank has cached
    prompts = [draw.choices(range(1000, NANO.vocab_size), k=20 + 30 * i) for i in range(8)]
    load = tmp_path / "load.json"
    with recording(deployed, "--out", str(load)) as process:
        assert begun(process) == "Recording on 2 ranks; Ctrl-C ends it early.\n"
        tokens = ask(client, prompts)
        with recording(deployed, "--out", str(tmp_path / "other.json")) as second:
            status, output = ended(second)
            assert status == 1
            assert "another recording runs" in output
        process.send_signal(signal.SIGINT)
        status, output = ended(process)
    assert (status, output) == (
        0,
        f"{load}: the experts of {tokens:,} tokens, in 4 layers of 128\n",
    )
    counted = ExpertLoad.load(load, NANO.n_layers, NANO.moe.num_experts).tokens
    assert [sum(layer) for layer in counted] == [tokens * NANO.moe.num_experts_per_tok] * 4
    assert not (tmp_path / "other.json").exists()


def test_without_requests_nothing_is_written(deployed: Deployed, tmp_path: Path) -> None:
    deployed.wait_until(lambda status: not any(r["requests"] for r in status["ranks"]), 60)
    load = tmp_path / "load.json"
    with recording(deployed, "--for", "1s", "--out", str(load)) as process:
        status, output = ended(process)
    assert status == 1
    assert "no request came meanwhile" in output
    assert not load.exists()


def test_a_missing_directory_is_told_before_anything_is_counted(
    deployed: Deployed, tmp_path: Path
) -> None:
    with recording(deployed, "--out", str(tmp_path / "nowhere" / "load.json")) as process:
        status, output = ended(process)
    assert status == 1
    assert output == f"error: --out: {tmp_path}/nowhere isn't a directory: make it first\n"
