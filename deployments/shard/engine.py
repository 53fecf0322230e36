"""One rank's vLLM engine: an EngineCore process and its workers, driven from this process.

The only module that touches vLLM's engine-core client on the shard's side. Read from vLLM 0.32.
"""

from multiprocessing.context import ForkServerContext
from typing import Any

from vllm.platforms import current_platform
from vllm.v1.engine import EngineCoreOutputs, EngineCoreRequest
from vllm.v1.engine.core_client import EngineCoreClient
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.executor import Executor

from deployments.shard import countable
from deployments.shard.cache_events import SCHEME
from deployments.shard.held_experts import as_ranges
from deployments.shard.warm.forkserver import start_from

__all__ = ["Engine", "EngineDeadError"]


class Engine:
    """Takes requests and gives outputs, step by step.

    Once the engine has died, any call raises EngineDeadError.
    """

    def __init__(self, vllm_config: Any, forks: ForkServerContext | None = None) -> None:
        """Start the engine; block until the weights are loaded and every rank of the gang is up.

        Its processes are forked from `forks`, or else spawned.
        """
        if forks is not None:
            start_from(forks)
        self._config = vllm_config
        self._core = EngineCoreClient.make_async_mp_client(
            vllm_config, Executor.get_class(vllm_config), log_stats=True
        )

    @property
    def dead(self) -> bool:
        return bool(self._core.resources.engine_dead)

    @property
    def pid(self) -> int:
        return int(self._core.resources.engine_manager.processes[0].pid)

    def exit_code(self) -> int | None:
        """Return the engine core's exit code, below 0 for a signal; None while it runs."""
        code: int | None = self._core.resources.engine_manager.processes[0].exitcode
        return code

    @property
    def max_model_len(self) -> int:
        return int(self._config.model_config.max_model_len)

    @property
    def kv_tokens(self) -> int:
        """Tokens that this rank's KV cache holds."""
        cache = self._config.cache_config
        return int(cache.num_gpu_blocks * cache.block_size)

    @property
    def block_tokens(self) -> int:
        """Tokens in one block of the KV cache."""
        return int(self._config.cache_config.block_size)

    @property
    def prefix_hash(self) -> str | None:
        """The algorithm that hashes blocks; None without a prefix cache that routers can follow."""
        cache, events = self._config.cache_config, self._config.kv_events_config
        algorithm = str(cache.prefix_caching_hash_algo)
        followed = (
            cache.enable_prefix_caching
            and events is not None
            and events.endpoint.startswith(SCHEME)
            # Others start from a seed that each process draws for itself.
            and algorithm.startswith("sha256")
            and self._config.parallel_config.decode_context_parallel_size == 1
        )
        return algorithm if followed else None

    @property
    def resumes_seeds(self) -> bool:
        """Whether the random numbers of a seeded answer follow from its length alone.

        With speculative decoding they depend on how many tokens each step brought. On GPUs vLLM's
        older model runner draws as many as the device's kernels take, and so does a CPU for
        `use_fp64_gumbel`. The newer one's follow from a token's position.
        """
        config = self._config
        if config.speculative_config is not None:
            return False
        on_cpu = current_platform.is_cpu() and not config.model_config.use_fp64_gumbel
        return bool(config.use_v2_model_runner or on_cpu)

    @property
    def max_num_seqs(self) -> int:
        """The most sequences in one step."""
        return int(self._config.scheduler_config.max_num_seqs)

    @property
    def max_num_batched_tokens(self) -> int:
        """The most tokens in one step."""
        return int(self._config.scheduler_config.max_num_batched_tokens)

    async def held_experts(self) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Return `(experts of the model, ranges of ids on this rank)`, as its workers tell."""
        workers = await self._core.collective_rpc_async("held_experts")
        total, *held = workers[0]
        return total, as_ranges(held)

    @property
    def uncountable(self) -> str | None:
        """The reason why this engine can't count experts; None if it can."""
        return countable.uncountable(self._config)

    async def start_counting(self) -> None:
        """Count, from zero, how often each expert is chosen."""
        await self._core.collective_rpc_async("start_counting")

    async def counted(self) -> tuple[int, list[list[int]]]:
        """Return the tokens, and how many of them chose each expert, (layers, experts)."""
        workers = await self._core.collective_rpc_async("counted")
        tokens, chosen = workers[0]  # tensor-parallel workers all see the same tokens
        return tokens, chosen

    async def stop_counting(self) -> None:
        await self._core.collective_rpc_async("stop_counting")

    async def add(self, request: EngineCoreRequest) -> None:
        await self._core.add_request_async(request)

    async def abort(self, request_ids: list[str]) -> None:
        await self._core.abort_requests_async(request_ids)

    async def outputs(self) -> EngineCoreOutputs:
        """Return the next step's outputs, of all requests, with the scheduler's statistics."""
        return await self._core.get_output_async()

    def shutdown(self) -> None:
        """End the engine, and what vLLM's client has: sockets, and the threads that serve them.

        It waits until the event loop has closed the sockets, so it is called in another thread.
        """
        if self.dead and self._core.resources.coordinator is not None:
            self._core.resources.coordinator.proc.kill()  # has nothing left to end, and takes time
        self._core.shutdown()
        self._core.resources.ctx.destroy(linger=0)
