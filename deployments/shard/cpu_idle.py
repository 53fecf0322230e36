"""Lets an engine's processes sleep while they wait for each other on a CPU, as a vLLM plugin.

vLLM 0.32 spins for up to a second after each message between EngineCore and worker, which costs a
GPU machine nothing. Where a model, its router and its clients share a few cores, the spinning takes
them from whoever has work to do. Active on CPU only.
"""


def register() -> None:
    """Entry point of `vllm.general_plugins`; vLLM calls it in every process, maybe twice."""
    from vllm.platforms import current_platform

    if not current_platform.is_cpu():
        return

    from vllm.distributed.device_communicators.shm_broadcast import SpinCondition

    # Its only default, `busy_loop_s`. Notifications over ZMQ wake a reader that doesn't spin.
    SpinCondition.__init__.__defaults__ = (0.0,)
