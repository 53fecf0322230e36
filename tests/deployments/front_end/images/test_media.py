"""Tests that a picture in any form is the picture that its 8-bit RGB form is."""

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from vllm.exceptions import VLLMValidationError
from vllm.multimodal.media import image as media_image
from vllm.multimodal.media.image import ImageMediaIO

from deployments.front_end.images import media
from deployments.front_end.images.media import InlineMedia

SIZE = (8, 6)
RAMP = np.linspace(0, 255, 48).round().astype(np.uint8).reshape(6, 8)
GREY = Image.fromarray(RAMP)
COLOURS = Image.merge("RGB", [GREY, GREY.transpose(Image.Transpose.ROTATE_180), GREY])
CLEAR = Image.fromarray(np.where(np.arange(48).reshape(6, 8) % 3, 255, 0).astype(np.uint8))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_MEDIA_CONNECTOR", "http")
    monkeypatch.setattr(media_image, "normalize_image", media_image.normalize_image)
    monkeypatch.setattr(InlineMedia, "pixels", 0)
    media.install(1 << 20)


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def file(image: Image.Image, kind: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def loaded(address: str) -> Image.Image:
    shown: Image.Image = InlineMedia().load_from_url(address, ImageMediaIO()).media
    assert shown.mode == "RGB"
    return shown


def pixels(image: Image.Image) -> Any:
    return np.asarray(image).astype(int)


def over_white(image: Image.Image) -> Image.Image:
    shown = Image.new("RGB", image.size, "white")
    shown.paste(image.convert("RGB"), mask=CLEAR)
    return shown


def with_clear(image: Image.Image) -> Image.Image:
    image = image.copy()
    image.putalpha(CLEAR)
    return image


def grey_16(*, transparency: int | None = None) -> bytes:
    samples = Image.fromarray(RAMP.astype(np.uint16) * 257)
    extra = {} if transparency is None else {"transparency": transparency}
    return file(samples, "PNG", **extra)


def colours_16() -> bytes:
    """Write an RGB PNG of 16 bits, which Pillow only reads."""
    rows = (pixels(COLOURS) * 257).astype(">u2")
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", *SIZE, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def indexed() -> tuple[bytes, Image.Image]:
    """Return a PNG whose first colour is transparent, and what it shows."""
    colours = COLOURS.quantize(8)
    shown = colours.convert("RGB")
    white = Image.new("RGB", SIZE, "white")
    hidden = Image.fromarray(np.where(np.asarray(colours) == 0, 255, 0).astype(np.uint8))
    shown.paste(white, mask=hidden)
    return file(colours, "PNG", transparency=0), shown


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", SIZE, colour) for colour in ("blue", "red")]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    return file(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)


def turned() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return file(COLOURS.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


CASES: dict[str, Callable[[], tuple[bytes, Image.Image]]] = {
    "1": lambda: (file(GREY.convert("1"), "PNG"), GREY.convert("1").convert("RGB")),
    "L": lambda: (file(GREY, "PNG"), GREY.convert("RGB")),
    "LA": lambda: (file(with_clear(GREY), "PNG"), over_white(GREY)),
    "RGB": lambda: (file(COLOURS, "PNG"), COLOURS),
    "RGBA": lambda: (file(with_clear(COLOURS), "PNG"), over_white(COLOURS)),
    "RGBA in WebP": lambda: (
        file(with_clear(COLOURS), "WEBP", lossless=True, exact=True),
        over_white(COLOURS),
    ),
    "P": lambda: (file(COLOURS.quantize(8), "PNG"), COLOURS.quantize(8).convert("RGB")),
    "P with transparency": indexed,
    "grey of 16 bits": lambda: (grey_16(), GREY.convert("RGB")),
    "RGB of 16 bits": lambda: (colours_16(), COLOURS),
    "turned by EXIF": lambda: (turned(), COLOURS),
    "animated GIF": lambda: (animated("GIF"), Image.new("RGB", SIZE, "blue")),
    "animated PNG": lambda: (animated("PNG"), Image.new("RGB", SIZE, "blue")),
    "animated WebP": lambda: (animated("WEBP"), Image.new("RGB", SIZE, "blue")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_picture_is_what_its_rgb_form_is(case: str) -> None:
    data, expected = CASES[case]()
    assert np.array_equal(pixels(loaded(url(data))), pixels(expected))


def test_a_clear_grey_of_16_bits_is_white() -> None:
    shown = pixels(loaded(url(grey_16(transparency=0))))
    assert (shown[RAMP == 0] == 255).all()
    assert np.array_equal(shown[RAMP > 0], pixels(GREY.convert("RGB"))[RAMP > 0])


@pytest.mark.parametrize("inverted", [True, False])
def test_printed_colours_are_read_either_way(inverted: bool) -> None:
    """Adobe's programs write them inverted, and say so; what says nothing is not."""
    flat = Image.new("RGB", (16, 16), (200, 60, 20))
    data = file(flat.convert("CMYK"), "JPEG", quality=100)
    at = data.index(b"Adobe") - 4
    if not inverted:
        length = int.from_bytes(data[at + 2 : at + 4])
        negative = Image.fromarray(255 - np.asarray(flat.convert("CMYK")), "CMYK")
        data = file(negative, "JPEG", quality=100)
        data = data[:at] + data[at + 2 + length :]
    assert abs(pixels(loaded(url(data, "jpeg"))) - pixels(flat)).max() <= 3


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_without_a_known_range_are_refused(mode: str) -> None:
    with pytest.raises(VLLMValidationError, match=r"can't be read .*32 bits"):
        loaded(url(file(GREY.convert(mode), "TIFF"), "tiff"))
