"""Whether an engine's configuration lets its experts be counted. Read from vLLM 0.32."""

from typing import Any

from deployments.vllm_config import COUNT_EXPERTS


def uncountable(vllm_config: Any) -> str | None:
    """Return why experts can't be counted, and the remedy; None if they can."""
    parallel, aux = vllm_config.parallel_config, vllm_config.aux_output_config
    if parallel.pipeline_parallel_size > 1:
        return "no worker of its engine sees all layers: set engine.pipeline_parallel_size: 1."
    if parallel.use_ubatching:
        return "its engine's steps run in halves: set engine.enable_dbo: false."
    if aux.enable_return_routed_experts:
        return "its engine returns experts: set engine.enable_return_routed_experts: false."
    if _eager(vllm_config) or counts_in_graphs(vllm_config):
        return None
    return (
        "its engine runs compiled graphs without a counter. Set gangs.count_experts: true in the "
        "serve config (on a CPU, engine.enforce_eager: true) and deploy it again."
    )


def counts_in_graphs(vllm_config: Any) -> bool:
    """Tell whether the counter is there from the start, before graphs are captured.

    On a GPU experts are chosen within an operation that the compiler doesn't look into. On a CPU
    the compiler does look, and would compile the counter with the values of the first step.
    """
    from vllm.platforms import current_platform

    wanted = bool(vllm_config.additional_config.get(COUNT_EXPERTS))
    return wanted and not _eager(vllm_config) and not current_platform.is_cpu()


def _eager(vllm_config: Any) -> bool:
    from vllm.config import CompilationMode, CUDAGraphMode

    compilation = vllm_config.compilation_config
    return bool(
        compilation.mode == CompilationMode.NONE
        and compilation.cudagraph_mode == CUDAGraphMode.NONE
    )
