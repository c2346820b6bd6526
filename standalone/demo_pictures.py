"""Pictures for the demo, drawn here: nobody's photographs."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageDraw

SIDE = (1200, 800)


def greenhouse() -> bytes:
    """A greenhouse in the morning, as JPEG."""
    width, height = SIDE
    image = Image.new("RGB", SIDE)
    draw = ImageDraw.Draw(image)
    for y in range(height):
        part = y / height
        draw.line(
            [(0, y), (width, y)], (255 - int(70 * part), 214 - int(20 * part), 170 + int(70 * part))
        )
    draw.ellipse([870, 120, 1010, 260], (255, 244, 214))
    for far, colour in ((0, (150, 178, 160)), (60, (112, 152, 122))):
        ridge = [(x, 470 + far + 40 * math.sin(x / 170 + far)) for x in range(0, width + 20, 20)]
        draw.polygon([*ridge, (width, height), (0, height)], colour)
    draw.rectangle([0, 640, width, height], (86, 122, 86))
    wall, roof = (232, 244, 245), (120, 146, 150)
    draw.polygon([(260, 430), (600, 300), (940, 430), (940, 690), (260, 690)], wall, roof)
    for x in range(260, 941, 85):
        top = 430 - 130 * (1 - abs(x - 600) / 340)
        draw.line([(x, top), (x, 690)], roof, 5)
    for y in (430, 560):
        draw.line([(260, y), (940, y)], roof, 5)
    draw.line([(260, 430), (600, 300), (940, 430)], roof, 9)
    for bed in range(300, 920, 62):
        for leaf in range(5):
            x, y = bed + 9 * leaf, 668 - 14 * (leaf % 3)
            draw.ellipse([x - 16, y - 30, x + 12, y + 4], (64, 128 + 8 * leaf, 74))
    return _jpeg(image)


def readings() -> bytes:
    """A chart of humidity over a day, as JPEG."""
    width, height = SIDE
    image = Image.new("RGB", SIDE, (250, 251, 253))
    draw = ImageDraw.Draw(image)
    for line in range(1, 6):
        y = 100 + line * 110
        draw.line([(90, y), (width - 60, y)], (221, 226, 234), 2)
    for colour, level, swing in (
        ((36, 96, 216), 380, 70),
        ((11, 116, 104), 300, 50),
        ((176, 48, 95), 480, 110),
    ):
        dots = [
            (
                90 + x,
                level
                + swing * math.sin(x / 130 + level) * math.exp(-x / 1500)
                + 8 * math.sin(x / 17),
            )
            for x in range(0, width - 150, 6)
        ]
        draw.line(dots, colour, 6, joint="curve")
    draw.line([(90, 80), (90, height - 110), (width - 60, height - 110)], (83, 93, 112), 4)
    return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=86)
    return stored.getvalue()
