"""The load client: `vllm bench serve`, the same for every server."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from configs.errors import BenchError
from deployments.bench.launch import Launch
from deployments.bench.measurement import Measurement
from deployments.bench.vllm_command import vllm_command, vllm_environment
from deployments.bench.workload import OUTPUT_TOKENS, Workload

_TIMEOUT_S = 300
_OUTPUT_TAIL = 3000


@dataclass(frozen=True, slots=True)
class Client:
    """Runs `vllm bench serve`; leaves results in `directory`.

    `model_source` has the tokenizer, and `metadata` is for `vllm_environment`.
    """

    model_source: Path
    metadata: Path
    directory: Path

    def measure(self, launch: Launch, workload: Workload, name: str) -> Measurement:
        """Run `workload` against a server that is up.

        Raises BenchError if any of it fails.
        """
        result = self.directory / f"{name}.json"
        result.unlink(missing_ok=True)
        output = self._run(
            vllm_command(
                *("bench", "serve", "--backend", "openai-chat"),
                *("--base-url", launch.url, "--endpoint", "/v1/chat/completions"),
                *("--model", launch.model, "--tokenizer", str(self.model_source)),
                *("--tokenizer-mode", "mistral"),
                *workload.flags(),
                *("--percentile-metrics", "ttft,tpot", "--metric-percentiles", "50,99"),
                *("--disable-tqdm", "--save-result", "--result-filename", str(result)),
            )
        )
        if not result.exists():
            raise BenchError(f"`vllm bench serve` left no result; it said:\n{output}")
        return Measurement.load(result, OUTPUT_TOKENS)

    def _run(self, command: list[str]) -> str:
        """Run a command, and return the end of its output.

        Raises BenchError if it fails or takes too long.
        """
        # The client would use the environment's proxies, also for loopback.
        environment = {**vllm_environment(self.metadata), "NO_PROXY": "*", "no_proxy": "*"}
        try:
            done = subprocess.run(  # noqa: S603 - our own words
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"`vllm bench serve` isn't done after {_TIMEOUT_S} s.") from error
        if done.returncode != 0:
            raise BenchError(
                f"`vllm bench serve` ended with exit status {done.returncode}; it said:\n"
                f"{done.stdout[-_OUTPUT_TAIL:]}"
            )
        return done.stdout[-_OUTPUT_TAIL:]
