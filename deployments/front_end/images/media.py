"""Lets vLLM load images from `data:` URLs only: linked images have been fetched before.

vLLM would open any URL that it is given, from inside the cluster. Read from vLLM 0.32.
"""

import os
from typing import Any

from vllm.exceptions import VLLMValidationError
from vllm.multimodal.media import MEDIA_CONNECTOR_REGISTRY, MediaConnector

from deployments.front_end.images import samples
from deployments.front_end.images.data_url import unreadable
from deployments.front_end.images.tokens import upright_size

_NAME = "small4-inline"


def install(pixels: int) -> None:
    """Make vLLM in this process load images through `InlineMedia`, of at most `pixels` each."""
    InlineMedia.pixels = pixels
    os.environ["VLLM_MEDIA_CONNECTOR"] = _NAME
    samples.install()


@MEDIA_CONNECTOR_REGISTRY.register(_NAME)
class InlineMedia(MediaConnector):
    """Loads images from `data:` URLs only, and says what is wrong with an unreadable image."""

    pixels = 0  # at most, of an image

    def load_from_url(self, url: str, media_io: Any, **options: Any) -> Any:
        self._check_header(url)
        try:
            return super().load_from_url(url, media_io, **options)
        except Exception as error:  # Pillow's decoders raise whatever they like
            raise unreadable(error) from error

    async def load_from_url_async(self, url: str, media_io: Any, **options: Any) -> Any:
        self._check_header(url)
        try:
            return await super().load_from_url_async(url, media_io, **options)
        except Exception as error:
            raise unreadable(error) from error

    def _check_header(self, url: str) -> None:
        """Raise VLLMValidationError for an image that is too large or unreadable by its header.

        A small file can unpack to more pixels than there is memory.
        """
        try:
            width, height = upright_size(url)
        except VLLMValidationError:
            raise
        except Exception as error:
            raise unreadable(error) from error
        if width * height > self.pixels:
            raise VLLMValidationError(
                f"The image has {width} x {height} pixels, more than the {self.pixels} taken: "
                "scale it down.",
                parameter="image_url",
            )
