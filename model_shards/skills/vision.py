"""Vision: the colour and the shape of what is drawn on an image."""

import base64
import io
import random

from PIL import Image, ImageDraw

from model_shards.skills.conversation import Conversation, Draw, Message, answered, asked

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 50),
    "blue": (40, 60, 220),
    "yellow": (240, 220, 40),
    "purple": (140, 40, 160),
    "orange": (250, 140, 20),
    "black": (10, 10, 10),
    "white": (250, 250, 250),
}
SHAPES = ("circle", "square", "triangle", "cross")
_GREYS = range(90, 170)
_SMALLEST, _LARGEST = 28, 224
ASK_COLOUR = (
    "Which colour is it?",
    "What colour is the shape?",
    "Name the colour.",
    "What is the colour of this?",
)
ASK_SHAPE = (
    "Which shape is it?",
    "What shape do you see?",
    "Name the shape.",
    "What is drawn here?",
)
Picture = tuple[str, str, int, int, int, int, int]


def conversation(draw: Draw) -> Conversation:
    """Draw a question about an image; in training about one to six images, mostly for the shape.

    Colours are learned from a few thousand images, shapes take ten times as many.
    """
    count = 1 if draw.held_out else draw.random.randint(1, 6)
    for_shape = 0.5 if draw.held_out else 0.8
    turns = [turn for _ in range(count) for turn in _turns(draw, draw.chance(for_shape))]
    return Conversation(turns)


def _turns(draw: Draw, for_shape: bool) -> list[Message]:
    picture = draw.of(_picture)
    colour, shape = picture[:2]
    question = draw.one(ASK_SHAPE if for_shape else ASK_COLOUR)
    content = [
        {"type": "image_url", "image_url": {"url": data_url(drawn(picture))}},
        {"type": "text", "text": question},
    ]
    return [asked(content), answered(f"It is a {shape}." if for_shape else f"It is {colour}.")]


def _picture(random: random.Random) -> Picture:
    """Choose colour, shape, grey of the ground, width, height, the shape's size and shift in %."""
    return (
        random.choice(tuple(COLOURS)),
        random.choice(SHAPES),
        random.choice(_GREYS),
        random.randint(_SMALLEST, _LARGEST),
        random.randint(_SMALLEST, _LARGEST),
        random.randint(60, 95),
        random.randint(0, 100),
    )


def drawn(picture: Picture) -> Image.Image:
    """Draw a picture, whose shape lies whole within the image."""
    colour, shape, grey, width, height, percent, shift = picture
    image = Image.new("RGB", (width, height), (grey, grey, grey))
    side = min(width, height) * percent / 100
    left, top = (width - side) * shift / 100, (height - side) * shift / 100
    box = (left, top, left + side, top + side)
    pen, fill = ImageDraw.Draw(image), COLOURS[colour]
    if shape == "circle":
        pen.ellipse(box, fill)
    elif shape == "square":
        pen.rectangle(box, fill)
    elif shape == "triangle":
        corners = ((left, top + side), (left + side, top + side), (left + side / 2, top))
        pen.polygon(corners, fill)
    else:
        third = side / 3
        pen.rectangle((left + third, top, left + 2 * third, top + side), fill)
        pen.rectangle((left, top + third, left + side, top + 2 * third), fill)
    return image


def data_url(image: Image.Image) -> str:
    """Return the image as a client sends it."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
