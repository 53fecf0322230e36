"""A picture that both sides can make: for the engine as an image, for the reference as pixels."""

import numpy as np
import torch
from PIL import Image

# What CLIP was trained with and Pixtral after it (RGB).
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


def picture(height: int, width: int) -> Image.Image:
    """Draw noise, in multiples of 28 pixels, so that nothing needs to be resized."""
    noise = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(noise)


def pixels(height: int, width: int) -> torch.Tensor:
    """Return the same picture normalised: float32 (1, 3, height, width)."""
    image = torch.from_numpy(np.asarray(picture(height, width)).copy()).float() / 255
    normal = (image - torch.tensor(_MEAN)) / torch.tensor(_STD)
    return normal.permute(2, 0, 1)[None]
