from vllm.distributed.device_communicators.shm_broadcast import SpinCondition

from deployments.shard.cpu_idle import register


def test_readers_dont_spin_on_a_cpu() -> None:
    register()
    names = SpinCondition.__init__.__code__.co_varnames
    count = SpinCondition.__init__.__code__.co_argcount
    defaults = SpinCondition.__init__.__defaults__
    assert dict(zip(names[count - len(defaults) : count], defaults, strict=True)) == {
        "busy_loop_s": 0.0
    }
