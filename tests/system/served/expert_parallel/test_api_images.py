"""Images, inside the request."""

import base64
import io
from typing import Any

import openai
import pytest
from PIL import ExifTags, Image

from tests.system.served.expert_parallel.asking import about, chat, picture

CELL = 28  # pixels: a patch of 14, two of which each way become one token


def image(size: tuple[int, int], kind: str, mode: str = "RGB", **options: Any) -> dict[str, Any]:
    """Make a noisy picture in a file format."""
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").convert(mode).save(file, kind, **options)
    data = base64.b64encode(file.getvalue()).decode()
    url = f"data:image/{kind.lower()};base64,{data}"
    return {"type": "image_url", "image_url": {"url": url}}


def image_tokens(client: openai.OpenAI, *images: dict[str, Any]) -> int:
    """Count the tokens that the images add to a prompt."""
    with_them, without = (
        chat(client, messages=about(*shown), max_tokens=1).usage.prompt_tokens
        for shown in (images, ())
    )
    tokens: int = with_them - without
    return tokens


@pytest.mark.parametrize(
    ("size", "cells"),
    [
        ((1, 1), (1, 1)),
        ((CELL, CELL), (1, 1)),
        ((CELL + 1, CELL), (2, 1)),
        ((140, 28), (5, 1)),
        ((224, 224), (8, 8)),
        ((225, 225), (8, 8)),  # the encoder's limit is 224: from here on, images are scaled down
        ((896, 448), (8, 4)),
        ((2000, 3), (8, 1)),
        ((3, 2000), (1, 8)),
    ],
)
def test_an_image_takes_tokens_by_its_size(
    client: openai.OpenAI, size: tuple[int, int], cells: tuple[int, int]
) -> None:
    columns, rows = cells
    # Each row ends with a break, and the last one with an end.
    assert image_tokens(client, picture("teal", size)) == (columns + 1) * rows


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGBA"), ("PNG", "L"), ("PNG", "1"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("GIF", "P")],
)
def test_images_come_in_many_formats(client: openai.OpenAI, kind: str, mode: str) -> None:
    assert image_tokens(client, image((60, 30), kind, mode)) == 4 * 2


@pytest.mark.parametrize(("orientation", "cells"), [(1, (5, 1)), (3, (5, 1)), (6, (1, 5))])
def test_a_photo_is_read_the_right_way_up(
    client: openai.OpenAI, orientation: int, cells: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    columns, rows = cells
    photo = image((140, 28), "JPEG", exif=exif.tobytes())
    assert image_tokens(client, photo) == (columns + 1) * rows


def test_several_images_add_up(client: openai.OpenAI) -> None:
    small, wide = picture("red", (28, 28)), picture("red", (140, 28))
    assert image_tokens(client, small, wide, small) == 2 + 6 + 2


def test_what_an_image_shows_matters(client: openai.OpenAI) -> None:
    def answer(*images: dict[str, Any]) -> tuple[float, ...]:
        tokens = chat(client, messages=about(*images), logprobs=True).choices[0].logprobs.content
        return tuple(token.logprob for token in tokens)

    red, blue = picture("red"), picture("blue")
    assert len({answer(red), answer(blue), answer(red, blue), answer(blue, red)}) == 4
    assert answer(red) == answer(red)


def test_a_name_for_an_image_gets_nobody_elses(client: openai.OpenAI) -> None:
    """VLLM would take the image that another client sent under that `uuid`."""
    red, blue = (
        chat(client, messages=about(picture(colour))).choices[0].message.content
        for colour in ("red", "blue")
    )
    for colour, expected in [("red", red), ("blue", blue)] * 2:
        named = {**picture(colour), "uuid": "holiday"}
        assert chat(client, messages=about(named)).choices[0].message.content == expected
