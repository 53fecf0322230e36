"""What the forkserver imports: most of what an engine's start takes on a CPU.

A process that has initialized CUDA can't be forked. So on GPUs this is what vLLM's own API server
has imported when it forks its engine core, and not the workers' modules. Read from vLLM 0.32.
"""

from deployments.collector import lasting

# A collection would write to every object, and what is written to isn't shared.
with lasting():
    import vllm.v1.engine.coordinator
    import vllm.v1.engine.core
    import vllm.v1.executor.multiproc_executor
    from vllm.platforms import current_platform
    from vllm.utils.system_utils import set_process_title

    import deployments.shard.cache_events
    import deployments.shard.health.plugin
    import deployments.shard.resume
    import model_shards.loading.loader  # noqa: F401

    if current_platform.is_cpu():
        import vllm.model_executor.models.mistral3
        import vllm.model_executor.models.mistral_large_3
        import vllm.model_executor.models.pixtral  # noqa: F401

        import deployments.shard.worker  # noqa: F401

set_process_title("forkserver", prefix="small4")
