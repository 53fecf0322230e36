"""vLLM's weight cache: daemons (`vllm preload`) that hold ranks' weights while engines come and go.

An engine with `load_format: ipc_cache` maps them from the daemon of its GPU. Read from vLLM 0.32.
Tests hold it against vLLM's parsers; it has never run, for want of a GPU.
"""

from argparse import Namespace

from configs.errors import ConfigError

_LOAD_FORMAT = "ipc_cache"


def check(arguments: Namespace, *, can_map: bool) -> None:
    """Raise ConfigError for what vLLM would say in an engine's log, or not at all.

    `can_map` tells whether this node's devices share memory between processes.
    """
    if arguments.load_format != _LOAD_FORMAT:
        return
    if not can_map:
        raise ConfigError(
            f"engine.load_format: {_LOAD_FORMAT} maps memory of a GPU, and this node has neither "
            "CUDA nor ROCm: leave it out"
        )
    if arguments.enable_sleep_mode:
        raise ConfigError(
            f"engine.enable_sleep_mode: with load_format {_LOAD_FORMAT} an engine's weights are "
            "another process's, and can't be put to sleep: remove one of the two"
        )
    _check_options(arguments.model_loader_extra_config)


def _check_options(options: object) -> None:
    from vllm.config.load import LoadConfig
    from vllm.model_executor.model_loader.weight_cache.ipc_loader import IpcModelLoader

    try:
        IpcModelLoader(LoadConfig(load_format=_LOAD_FORMAT, model_loader_extra_config=options))
    except ValueError as error:
        raise ConfigError(f"engine.model_loader_extra_config: {error}") from error
