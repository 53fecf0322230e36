"""Brings an image's samples to what they show before vLLM makes RGB of them.

Pillow cuts off what is over 255, so a picture of 16-bit greys would be white; and it takes the inks
of every JPEG for inverted, which only Adobe's are. Read from vLLM 0.32, Pillow 13.
"""

import numpy as np
from PIL import Image, ImageChops
from vllm.multimodal.media import image as media_image

_vllm_normalize = media_image.normalize_image


def install() -> None:
    """Make vLLM in this process read images so."""
    media_image.normalize_image = _normalized


def _normalized(image: Image.Image) -> Image.Image:
    misread = image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info
    image = eight_bit(_vllm_normalize(image))
    return ImageChops.invert(image) if misread else image


def eight_bit(image: Image.Image) -> Image.Image:
    """Return an image with samples of at most eight bits.

    Raises ValueError for one whose samples have a range that isn't known.
    """
    if image.mode in ("I", "F"):
        raise ValueError("its samples have 32 bits")
    if not image.mode.startswith("I;16"):
        return image
    samples = np.asarray(image)
    grey = Image.fromarray((samples / 257).round().astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is not None:
        grey.putalpha(Image.fromarray(np.where(samples == clear, 0, 255).astype(np.uint8)))
    return grey
