"""From encoded bytes to a square uint8 array: decoding, orientation, crop, size, channels."""

from __future__ import annotations

import functools
import io
import threading
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# Stubs without a decoder, video, and EPS, whose decoder starts another program on the file's contents.
NO_PICTURES = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
_opening = threading.Lock()


class Undecodable(Exception):
    """Bytes that give no picture; the text says why."""


@functools.cache
def formats() -> tuple[str, ...]:
    """The picture formats this Pillow reads without help from other programs."""
    from PIL import Image

    Image.init()
    return tuple(sorted(set(Image.OPEN) - NO_PICTURES))


@functools.cache
def suffixes() -> frozenset[str]:
    """The file name endings of those formats, lower case with the dot."""
    from PIL import Image

    known = set(formats())
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known)


def decode(data: bytes, size: int | None = None) -> Image.Image:
    """The picture in `data`, first frame, EXIF-oriented.

    With `size`, a JPEG much larger than that is decoded at 1/2, 1/4 or 1/8 of its scale, its shorter side never
    below twice `size`. Raises `Undecodable`, also for a decompression bomb (Pillow's warning level).
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        image = _open(data)
        if size is not None:
            image.draft(None, (2 * size, 2 * size))
        image.load()
        return ImageOps.exif_transpose(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Undecodable("a decompression bomb (far more pixels than a photograph has)") from error
    except UnidentifiedImageError as error:
        raise Undecodable("empty file" if not data else "not in any picture format Pillow knows") from error
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged bytes
        raise Undecodable(str(error).rstrip(".") or type(error).__name__) from error


def _open(data: bytes) -> Image.Image:
    from PIL import Image

    # Warning filters belong to the whole process: the lock keeps two threads from restoring each other's.
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(data), formats=formats())


def square(image: Image.Image, size: int, channels: int) -> np.ndarray:
    """uint8 (size, size, channels): the largest centred square of `image`, resampled with an antialiased bicubic filter.

    That is the same as bringing the shorter side to `size` and cropping the centre. Where the margin is odd, the
    smaller half is left or above. A square of the right size is taken as it is. With 1 or 3 channels
    transparent pixels show white; with 4 they are kept.
    """
    from PIL import Image

    image = _convert(image, channels)
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    if side == size:
        image = image.crop(box)
    else:
        image = image.resize((size, size), Image.Resampling.BICUBIC, box=box)
    return np.asarray(image, dtype=np.uint8).reshape(size, size, channels)


def _convert(image: Image.Image, channels: int) -> Image.Image:
    from PIL import Image

    mode = MODES[channels]
    if image.mode == "F":
        raise ValueError("floating-point pixels of unknown range")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.clip(np.asarray(image, dtype=np.int64), 0, 65535) >> 8).astype(np.uint8))
    if channels != 4 and image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image if image.mode == mode else image.convert(mode)
