"""Counts an image's tokens in the prompt without decoding the image a second time.

vLLM decodes the image, turns it as its EXIF data says, and expects as many tokens in the prompt.
Mistral's tokenizer, which writes the prompt, ignores EXIF: every upright photo of a phone would
fail. The tokenizer needs only the size, which is in the file's header. Read from vLLM 0.32,
mistral_common 1.12.
"""

import base64
import contextlib
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
from mistral_common.protocol.instruct.chunk import ImageChunk
from mistral_common.tokens.tokenizers.image import ImageEncoder, ImageEncoding
from PIL import ExifTags
from vllm.multimodal.image import open_image

from deployments.front_end.images.data_url import inline_image

_ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF orientations


class InlineImageEncoder(ImageEncoder):
    """Gives an image in a `data:` URL its tokens, without pixels, and opens no other URL."""

    def __call__(self, content: Any) -> ImageEncoding:
        if isinstance(content, ImageChunk):  # from vLLM's own processor, which needs pixels
            return super().__call__(content)
        image = SimpleNamespace(size=upright_size(content.get_url()))
        columns, rows = self._image_to_num_tokens(image)
        tokens = ([self.special_ids.img] * columns + [self.special_ids.img_break]) * rows
        tokens[-1] = self.special_ids.img_end
        return ImageEncoding(tokens=tokens, image=np.empty(0))


def upright_size(url: str) -> tuple[int, int]:
    """Return width and height in pixels of the image in a `data:` URL, turned upright.

    Raises VLLMValidationError for another URL, and whatever Pillow raises for a broken image.
    """
    data = inline_image(url).partition(",")[2]
    image = open_image(BytesIO(base64.b64decode(data)))
    width, height = image.size
    with contextlib.suppress(Exception):  # as vLLM does: broken EXIF data turns nothing
        if image.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE:
            return height, width
    return width, height
