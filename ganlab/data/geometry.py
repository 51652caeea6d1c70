"""From encoded bytes to a square uint8 array: decoding, orientation, crop, size, channels."""

from __future__ import annotations

import functools
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from PIL import Image

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
USUAL = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # tried first
# Stubs without a decoder, video, and EPS, whose decoder starts another program on the file's contents.
NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
LARGE = 1 << 24  # pixels; of more, transparent ones are converted strip by strip
STRIP = 1 << 20  # pixels of a strip
ORIENTATION = 0x0112  # the EXIF tag
TURNS = {  # orientation -> Pillow's name, whether width and height change places, whether x and y then run backwards
    2: ("FLIP_LEFT_RIGHT", 0, 1, 0),
    3: ("ROTATE_180", 0, 1, 1),
    4: ("FLIP_TOP_BOTTOM", 0, 0, 1),
    5: ("TRANSPOSE", 1, 0, 0),
    6: ("ROTATE_270", 1, 1, 0),
    7: ("TRANSVERSE", 1, 1, 1),
    8: ("ROTATE_90", 1, 0, 1),
}
SAYS_ORIENTATION = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")  # in Pillow's info of a picture
COARSE = "ganlab: the whole of a coarse picture"  # in Pillow's info of it
_filtering = threading.Lock()


class Undecodable(Exception):
    """Bytes or pixels that give no picture; the text says why."""


class Whole(NamedTuple):
    """What was decoded at a part of its scale: `scale` of its pixels lie in one.

    The last row and column may hold less than a pixel of it, the first ones where it was turned then: `left` and `top`
    are where it begins.
    """

    width: int
    height: int
    scale: float
    left: float = 0.0
    top: float = 0.0


@functools.cache
def formats() -> tuple[str, ...]:
    """The picture formats this Pillow reads without help from other programs."""
    from PIL import Image

    Image.init()
    readable = [name for name in Image.OPEN if name not in NO_PICTURES]
    return tuple(sorted(readable, key=lambda name: USUAL.index(name) if name in USUAL else len(USUAL)))


@functools.cache
def suffixes() -> frozenset[str]:
    """The file name endings of those formats, lower case with the dot."""
    from PIL import Image

    known = set(formats())
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known)


def decode_picture(data: bytes, size: int | None = None) -> Image.Image:
    """The picture in `data`, first frame, EXIF-oriented.

    With `size`, a JPEG much larger than that is decoded at 1/2, 1/4 or 1/8 of its scale, its shorter side
    never below twice `size`; :func:`square` knows where in it the whole picture lies. Raises `Undecodable`, also for
    more pixels than Pillow ever decodes (178,956,970).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        image = _open(data)
        whole = None
        if size is not None:
            width, height = image.size
            drafted = image.draft(None, (2 * size, 2 * size))
            whole = Whole(width, height, width / drafted[1][2]) if drafted else None
        image.load()
        return _upright(image, whole)
    except Image.DecompressionBombError as error:
        raise Undecodable("too many pixels to decode, perhaps a decompression bomb") from error
    except UnidentifiedImageError as error:
        raise Undecodable("not in any picture format that Pillow knows" if data else "an empty file") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged bytes
        raise Undecodable(str(error).rstrip(".") or type(error).__name__) from error


def _open(data: bytes) -> Image.Image:
    from PIL import Image

    with _quietly():
        return Image.open(io.BytesIO(data), formats=formats())


@contextmanager
def _quietly() -> Iterator[None]:
    """Without Pillow's warnings: of 90 megapixels, which a photograph may have, and of EXIF that is damaged.

    Warning filters belong to the whole process: the lock keeps two threads from restoring each other's.
    """
    with _filtering, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _upright(image: Image.Image, whole: Whole | None) -> Image.Image:
    """The picture turned as its EXIF says, of which nothing else is read: cameras and editors write odd things."""
    from PIL.Image import Transpose

    try:
        with _quietly():
            orientation = image.getexif().get(ORIENTATION, 1)
            name, swapped, x_backwards, y_backwards = TURNS.get(orientation, ("", 0, 0, 0))
    except MemoryError:
        raise
    except Exception:  # damaged beyond what Pillow is prepared for: as if there were none
        name, swapped, x_backwards, y_backwards = "", 0, 0, 0
    if name:
        image = image.transpose(Transpose[name])
        for told in SAYS_ORIENTATION:  # or whoever asks it would turn the picture once more
            image.info.pop(told, None)
    image.info.pop(COARSE, None)
    if whole is not None and whole.scale > 1:
        width, height = (whole.height, whole.width) if swapped else (whole.width, whole.height)
        left, top = image.width - width / whole.scale, image.height - height / whole.scale
        image.info[COARSE] = Whole(width, height, whole.scale, left * x_backwards, top * y_backwards)
    return image


def square(image: Image.Image, size: int, channels: int) -> np.ndarray:
    """The largest centred square of `image` as uint8 (size, size, channels).

    It is resampled by an antialiased bicubic filter: the same as bringing the shorter side to `size` and
    cropping the centre. Where the margin is odd, the smaller half is left or above. A square of the right
    size is taken as it is. With 1 or 3 channels transparent pixels show white; with 4 they are kept. Raises
    `Undecodable` for pixels that have no known range.
    """
    from PIL import Image

    if channels not in MODES or size < 1:
        raise GanlabError(
            f"There are no pictures of size {size} with {channels} channels.",
            "Use 1, 3 or 4 channels; pictures of others lie in an .npy (n, h, w, c).",
        )
    if image.mode.startswith("I"):
        _check_16_bits(image)
    whole = image.info.get(COARSE) or Whole(*image.size, 1)
    side = min(whole.width, whole.height)
    left, top = (whole.width - side) // 2, (whole.height - side) // 2
    box = (left, top, left + side, top + side)
    if image.width * image.height > LARGE and image.has_transparency_data:  # no JPEG, so it is whole
        resampled = _in_strips(image, box, size, channels)
    elif side == size:  # nor is a coarse one so small
        resampled = _convert(image, channels).crop(box)
    else:
        x, y, across = whole.left + left / whole.scale, whole.top + top / whole.scale, side / whole.scale
        within = (x, y, x + across, y + across)
        resampled = _convert(image, channels).resize((size, size), Image.Resampling.BICUBIC, within)
    return np.asarray(resampled, dtype=np.uint8).reshape(size, size, channels)


def full_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of a picture as it is stored, also where it was decoded coarsely."""
    whole = image.info.get(COARSE) or Whole(*image.size, 1)
    return whole.width, whole.height


def surely_shows(image: Image.Image) -> bool:
    """Whether :func:`square` is sure to take a picture: known without converting it, of the modes that most have."""
    return image.mode in ("L", "RGB") and not image.has_transparency_data


def square_planes(pixels: np.ndarray, size: int) -> np.ndarray:
    """(h, w, c) uint8 of any number of channels -> (size, size, c), each channel as :func:`square` has it."""
    from PIL import Image

    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(pixels, -1, 0)]
    return np.concatenate([square(plane, size, 1) for plane in planes], axis=-1)


def _in_strips(image: Image.Image, box: tuple[int, int, int, int], size: int, channels: int) -> Image.Image:
    """A square of a very large picture: the whole of it in RGBA, once more in white and both together fill gigabytes.

    Strips are shrunk to means of whole blocks, the side never below twice `size`, and then resampled.
    """
    from PIL import Image

    left, top, right, bottom = box
    side = right - left
    factor = max(1, side // (2 * size))
    rows = factor * max(1, STRIP // (side * factor))
    small = Image.new(MODES[channels], (-(-side // factor),) * 2)
    for start in range(top, bottom, rows):
        strip = _convert(image.crop((left, start, right, min(start + rows, bottom))), channels)
        small.paste(strip.reduce(factor), (0, (start - top) // factor))
    return small.resize((size, size), Image.Resampling.BICUBIC, (0, 0, side / factor, side / factor))


def _convert(image: Image.Image, channels: int) -> Image.Image:
    from PIL import Image

    mode = MODES[channels]
    if image.mode.startswith("I"):
        image = _from_16_bits(image)
    try:
        if channels != 4 and image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        if image.mode == "F":
            raise ValueError("floating-point pixels of unknown range")
        return image if image.mode == mode else image.convert(mode)
    except ValueError as error:
        raise Undecodable(str(error).rstrip(".")) from error


def _check_16_bits(image: Image.Image) -> None:
    """Raises `Undecodable` for whole numbers of another range."""
    rows = max(1, STRIP // image.width)
    strips = (
        np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        for top in range(0, image.height, rows)
    )
    ends = np.array([(strip.min(), strip.max()) for strip in strips])
    low, high = ends.min(), ends.max()
    if low < 0 or high > 65535:
        raise Undecodable("integer pixels beyond 16 bits")
    if image.mode == "I" and 0 < high < 256:
        raise Undecodable("32-bit pixels that all are below 256, of unknown range")


def _from_16_bits(image: Image.Image) -> Image.Image:
    from PIL import Image

    pixels = np.asarray(image)
    grey = Image.fromarray((pixels >> 8).astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray((pixels != clear).astype(np.uint8) * np.uint8(255))))
