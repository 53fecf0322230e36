"""What a router and a rank do on a node without a device; call each in a new process."""

import asyncio
import base64
import os
from typing import Any

import vllm.platforms
from vllm.platforms.interface import UnspecifiedPlatform

from configs.deployment import Deployment
from configs.environment import has_no_device, renounce_device
from configs.errors import ConfigError
from configs.serve_file import DEFAULT_CONFIG, ServeFile


def blind() -> None:
    """Make vLLM find no device, as its CUDA build does without a GPU; call it first."""
    for name in vllm.platforms.builtin_platform_plugins:
        vllm.platforms.builtin_platform_plugins[name] = lambda: None
    UnspecifiedPlatform.import_kernels = classmethod(lambda cls: None)  # those are for CPUs


def seeing() -> None:
    """Have vLLM choose its CPU platform before a router could, as ranks do in the tests."""
    os.environ["VLLM_MLA_DISABLE"] = "1"
    assert vllm.platforms.current_platform.is_cpu()


def deployment(**engine: Any) -> Deployment:
    args = ServeFile.load(DEFAULT_CONFIG).raw["applications"][0]["args"]
    return Deployment.model_validate({**args, "weights": {}, "engine": args["engine"] | engine})


def of_router(engine: dict[str, Any]) -> dict[str, Any]:
    """Return what vLLM's front end takes from a router's config."""
    from deployments.vllm_config import router_config

    renounce_device()
    return _read(router_config(deployment(**engine))[1])


def of_rank(engine: dict[str, Any]) -> dict[str, Any]:
    """Return what vLLM's front end would take from a rank's config."""
    from deployments.vllm_config import rank_config

    return _read(rank_config(deployment(**engine), 0, "127.0.0.1", 1, "small4+ipc://nowhere"))


def _read(config: Any) -> dict[str, Any]:
    model = config.model_config
    return {
        "architecture": model.architecture,
        "dtype": str(model.dtype),
        "max_model_len": model.max_model_len,
        "vocabulary": model.get_vocab_size(),
        "sampling": model.get_diff_sampling_param(),
        "images": model.get_multimodal_config().get_limit_per_prompt("image"),
        "prefix_caching": config.cache_config.enable_prefix_caching,
        "grammars": repr(config.structured_outputs_config),
        "reasoning": repr(config.reasoning_config),
    }


def failure_of_rank() -> str:
    from deployments.vllm_config import rank_config

    try:
        rank_config(deployment(), 0, "127.0.0.1", 1, "small4+ipc://nowhere")
    except ConfigError as error:
        return str(error)
    return ""


def sent_by_router() -> tuple[str, bool, list[Any]]:
    """Return the platform, whether the router has renounced it, and what a rank gets of a chat."""
    if vllm.platforms.builtin_platform_plugins["cpu"]() is None:
        renounce_device()  # what a test imports has vLLM choose before the router can say so
    return asyncio.run(_sent())


async def _sent() -> tuple[str, bool, list[Any]]:
    from deployments.router.prompt_blocks import prompt_blocks
    from tests.deployments.router.image_host import png
    from tests.deployments.router.whole_router import whole_router

    url = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Which?"}]
    chat = {"messages": [{"role": "user", "content": parts}], "seed": 1, "max_tokens": 9}
    async with whole_router(weights={}) as router:
        answer = await router.client.post("/v1/chat/completions", json=chat)
        assert answer.status_code == 200, answer.text
        (request,) = router.asked
        (image,) = request.mm_features
        pixels = image.data["images"].data
        sent = [
            request.prompt_token_ids,
            image.identifier,
            str(pixels.dtype),
            pixels.tolist(),
            repr(request.sampling_params),
            prompt_blocks(request, "sha256", 4),
        ]
        return type(vllm.platforms.current_platform).__name__, has_no_device(), sent
