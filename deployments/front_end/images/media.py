"""By the time vLLM loads an image, it is inside the request: linked ones have been brought in.

vLLM would open any URL it is given, from inside the cluster. Read from vLLM 0.32.
"""

import os
from typing import Any

from vllm.exceptions import VLLMValidationError
from vllm.multimodal.media import MEDIA_CONNECTOR_REGISTRY, MediaConnector

from deployments.front_end.images.tokens import upright_size
from deployments.front_end.messages import require_inline

_NAME = "small4-inline"


def install(pixels: int) -> None:
    """Makes vLLM load media through `InlineMedia` from now on, in this process."""
    InlineMedia.pixels = pixels
    os.environ["VLLM_MEDIA_CONNECTOR"] = _NAME


@MEDIA_CONNECTOR_REGISTRY.register(_NAME)
class InlineMedia(MediaConnector):
    """Takes `data:` URLs only, and says what is wrong with one that holds no image."""

    pixels = 0  # that one image may have

    def load_from_url(self, url: str, media_io: Any, **options: Any) -> Any:
        self._look(url)
        try:
            return super().load_from_url(url, media_io, **options)
        except Exception as error:  # Pillow's decoders raise whatever they like
            raise _unreadable(error) from error

    async def load_from_url_async(self, url: str, media_io: Any, **options: Any) -> Any:
        self._look(url)
        try:
            return await super().load_from_url_async(url, media_io, **options)
        except Exception as error:
            raise _unreadable(error) from error

    def _look(self, url: str) -> None:
        """At the header: a small file can unpack to more pixels than there is memory."""
        require_inline(url)
        try:
            width, height = upright_size(url)
        except Exception as error:
            raise _unreadable(error) from error
        if width * height > self.pixels:
            raise VLLMValidationError(
                f"The image has {width} x {height} pixels, more than the {self.pixels} taken: "
                "scale it down.",
                parameter="image_url",
            )


def _unreadable(error: Exception) -> VLLMValidationError:
    return VLLMValidationError(
        f"The image can't be read ({error}). Send a PNG, JPEG, WebP or GIF as "
        "data:image/png;base64,…",
        parameter="image_url",
    )
