"""Who is drawn: the attributes that can be named, and everything else that follows from chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drawing import Colour, mix, random_colour
from .head import Head, sample_profile

TURN = np.radians(43.0)  # of the head at yaw 1
# From pale to dark: cheeks in daylight.
SKIN = ((248, 217, 196), (238, 196, 166), (222, 172, 136), (196, 141, 102), (158, 105, 72), (116, 76, 52), (88, 57, 42))
# Black, dark brown, brown, chestnut, red, dark blond, blond, grey, white; and how often.
HAIR = (
    (34, 29, 32),
    (64, 42, 32),
    (98, 64, 40),
    (124, 60, 36),
    (178, 84, 38),
    (160, 122, 74),
    (222, 186, 112),
    (138, 138, 142),
    (222, 220, 214),
)
HAIR_SHARES = (0.2, 0.17, 0.14, 0.1, 0.1, 0.08, 0.11, 0.05, 0.05)
IRIS = ((92, 60, 36), (58, 40, 30), (70, 120, 170), (84, 130, 90), (110, 124, 130), (140, 100, 50))


@dataclass(frozen=True)
class Attributes:
    """What is true of a drawn face.

    Smile, glasses, woman, hat, yaw and the colours of skin, hair and background are drawn without regard to each other.
    The numbers of one colour are not: lightness and warmth of the hair correlate with 0.42.

    Attributes:
        smile: a smile, with teeth or without; otherwise the lips are closed and straight.
        glasses: glasses with a bold frame.
        woman: a woman, told by hair, brows, jaw, lips and lashes together; otherwise a man.
        hat: a hat, in three of ten.
        yaw: turn of the head, from -1 (to the picture's left, about 43 degrees) to 1 (to its right).
        skin_lightness: of the skin: weighted sum of red, green and blue, 0 (black) to 1 (white); so are the others.
        hair_lightness: lightness of the hair.
        background_lightness: lightness of the background.
        hair_warmth: red less blue, from -1 to 1: 0 where the hair is grey, about 0.5 where it is red or blond.
        background_warmth: red less blue of the background.
    """

    smile: bool
    glasses: bool
    woman: bool
    hat: bool
    yaw: float
    skin_lightness: float
    hair_lightness: float
    background_lightness: float
    hair_warmth: float
    background_warmth: float


@dataclass(frozen=True)
class Sitter:
    """A face about to be drawn.

    Attributes:
        attributes: what can be said of it.
        head: its head, where it lies in the picture.
        skin: colour of the skin; ``hair``, ``iris``, ``background`` likewise.
        light: where the light comes from: -1 from the picture's left, 1 from its right, and between.
    """

    attributes: Attributes
    head: Head
    skin: Colour
    hair: Colour
    iris: Colour
    background: Colour
    light: float

    @property
    def near(self) -> int:
        """The side of the head that is turned to the viewer: 1 for the picture's right, -1 for its left."""
        return -1 if self.head.turn >= 0 else 1


def sample_sitter(rng: np.random.Generator) -> Sitter:
    """Draw what can be named and the colours, independently, and the shape and the place of the head."""
    smile, glasses, woman, hat = (rng.random(4) < (0.5, 0.5, 0.5, 0.3)).tolist()
    yaw = float(rng.uniform(-1, 1))
    skin = _between(SKIN, rng.random() * (len(SKIN) - 1), rng, 6.0)
    hair = _jittered(HAIR[rng.choice(len(HAIR), p=HAIR_SHARES)], rng, 9.0)
    iris = _jittered(IRIS[rng.integers(len(IRIS))], rng, 12.0)
    background = random_colour(rng, (0.06, 0.46), (0.38, 0.86))
    unit = 0.374 * float(rng.uniform(0.92, 1.08))
    shift = rng.uniform(-1, 1, 2) * (0.045, 0.03)
    centre = (0.5 + float(shift[0]), 0.488 + 0.07 * hat * unit + float(shift[1]))
    head = Head(centre, unit, yaw * TURN, sample_profile(rng, woman))
    light = float(rng.choice((-1, 1)) * rng.uniform(0.4, 1.0))
    facts = [lightness(skin), lightness(hair), lightness(background), _warmth(hair), _warmth(background)]
    return Sitter(Attributes(smile, glasses, woman, hat, yaw, *facts), head, skin, hair, iris, background, light)


def lightness(colour: Colour) -> float:
    """How light a colour is, 0 to 1."""
    red, green, blue = colour
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def _warmth(colour: Colour) -> float:
    return (colour[0] - colour[2]) / 255


def _between(colours: tuple[Colour, ...], place: float, rng: np.random.Generator, amount: float) -> Colour:
    first = min(int(place), len(colours) - 2)
    return _jittered(mix(colours[first], colours[first + 1], place - first), rng, amount)


def _jittered(colour: Colour, rng: np.random.Generator, amount: float) -> Colour:
    """The colour made lighter or darker, and warmer or cooler, by up to ``amount`` levels."""
    level, warmth = rng.uniform(-amount, amount, 2).tolist()
    moved = (colour[0] + level + 0.6 * warmth, colour[1] + level, colour[2] + level - 0.6 * warmth)
    red, green, blue = (int(min(255, max(0, channel))) for channel in moved)
    return red, green, blue
