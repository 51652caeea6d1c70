"""Moving pictures as WebP: without loss, the same frames in the same bytes, and back again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from PIL import Image

LONGEST = 16_383  # pixels a side: what the format can hold
LONGEST_SHOWN = 1 << 24  # milliseconds of a stored frame, likewise
MOST_FRAMES = 1 << 20  # that are read back: hours of them
MOST_PIXELS = 1 << 29  # of all pictures that are read back together


def webp_bytes(frames: Sequence[Image.Image], seconds: float) -> bytes:
    """An animation that begins again when it ends.

    Args:
        frames: RGB pictures of one size.
        seconds: how long each is shown, in whole milliseconds.

    Raises:
        GanlabError: this Pillow was built without WebP.
    """
    from PIL import features

    if not features.check("webp"):
        raise GanlabError("This Pillow cannot write WebP animations.", "Install Pillow from PyPI.")
    buffer = io.BytesIO()
    # the least effort: ten times as quick as the usual one, for a fifth more bytes
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], duration=milliseconds(seconds), loop=0,
        lossless=True, quality=0, method=0,
    )  # fmt: skip
    return buffer.getvalue()


def read_webp(path: Path, count: int, seconds: float, most_pixels: int = MOST_PIXELS) -> list[Image.Image]:
    """The frames that :func:`webp_bytes` wrote, so many and each shown for so long.

    Args:
        most_pixels: how many there may be in all stored frames together.

    Raises:
        ValueError: they are more or fewer.
    """
    from PIL import Image

    if count > MOST_FRAMES:
        raise ValueError(f"{path.name} would have {count} frames, more than the {MOST_FRAMES:,} that are read")
    frames: list[Image.Image] = []
    with Image.open(path, formats=("WEBP",)) as animation:
        stored = getattr(animation, "n_frames", 1)
        if stored * animation.width * animation.height > most_pixels:
            raise ValueError(f"{path.name} has more pixels than the {MOST_PIXELS:,} of a run that are read")
        if stored == 1 and 0 < count * milliseconds(seconds) < LONGEST_SHOWN:
            return [animation.convert("RGB")] * count  # all are equal: stored as a still picture, without a length
        for number in range(stored):
            animation.seek(number)
            frame = animation.convert("RGB")
            # equal frames that follow each other are stored as one that lasts longer
            repeats = max(1, round(animation.info["duration"] / milliseconds(seconds)))
            if len(frames) + repeats > count:
                raise ValueError(f"{path.name} has more frames than {count}")
            frames += [frame] * repeats
    if len(frames) != count:
        raise ValueError(f"{path.name} has {len(frames)} frames, not {count}")
    return frames


def frame_faults(frames: Sequence[object], seconds: float) -> str:
    """What is wrong with them, in words; empty when nothing is."""
    from PIL import Image

    pictures = [frame for frame in frames if isinstance(frame, Image.Image) and frame.mode == "RGB"]
    if len(pictures) < len(frames):
        return "its frames are not all PIL images in RGB"
    sizes = {frame.size for frame in pictures}
    if len(frames) == 1 or len(sizes) > 1 or not all(0 < side <= LONGEST for size in sizes for side in size):
        return f"its frames are not two or more pictures of one size: {len(frames)} of {sorted(sizes)}"
    if not 0.01 <= seconds <= 60:  # browsers slow down what is faster
        return f"its frames last {seconds} seconds, not 0.01 to 60"
    return ""


def milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds))
