"""vLLM's worker of this platform, which counts experts and has a pulse: `worker_cls` of every rank.

Read from vLLM 0.32.
"""

from typing import Any

from vllm.platforms import current_platform

from deployments.shard.countable import counts_in_graphs
from deployments.shard.expert_counter import ExpertCounter
from deployments.shard.health.plugin import noting_failures, own_pulse


def _platform_worker() -> Any:
    if current_platform.is_cpu():
        from vllm.v1.worker.cpu_worker import CPUWorker

        return CPUWorker
    from vllm.v1.worker.gpu_worker import Worker

    return Worker


_Worker: Any = _platform_worker()


class ShardWorker(_Worker):
    """vLLM's worker with methods to count experts, called by name; while off it counts nothing."""

    _counter: ExpertCounter | None = None
    _counting = False

    def load_model(self, **options: Any) -> None:
        super().load_model(**options)
        self._end_step()  # from now on it has a pulse
        if counts_in_graphs(self.vllm_config):
            self._counter = self._new_counter()

    @noting_failures
    def execute_model(self, scheduler_output: Any) -> Any:
        tokens = scheduler_output.total_num_scheduled_tokens
        self._begin_step(len(scheduler_output.num_scheduled_tokens), tokens)
        output = super().execute_model(scheduler_output)
        if self._counting and self._counter is not None and tokens:
            self._counter.add(tokens)
        self._end_step()
        return output

    @noting_failures
    def execute_dummy_batch(self) -> None:
        self._begin_step(0, 0)
        super().execute_dummy_batch()
        self._end_step()

    def _begin_step(self, requests: int, tokens: int) -> None:
        if (pulse := own_pulse()) is not None:
            pulse.begin(1 + self.rank, requests, tokens)

    def _end_step(self) -> None:
        if (pulse := own_pulse()) is not None:
            pulse.end(1 + self.rank)

    def start_counting(self) -> None:
        """Start to count, from zero."""
        self._counter = self._counter or self._new_counter()
        self._counter.clear()
        self._counting = True

    def counted(self) -> tuple[int, list[list[int]]] | None:
        """Return what ExpertCounter has counted; None while counting is off."""
        return self._counter.counted() if self._counting and self._counter else None

    def stop_counting(self) -> None:
        self._counting = False
        if self._counter is not None and not counts_in_graphs(self.vllm_config):
            self._counter.remove()
            self._counter = None

    def _new_counter(self) -> ExpertCounter:
        return ExpertCounter(self.vllm_config, self.model_runner.get_model())
