"""The walk's pictures and plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from ganlab import Figure, ImageSpec
from ganlab import figures as draw

from .memoriser import NAME
from .path import Path
from .smoothness import ALONE, EVERYWHERE, FINEST, Answer, Smoothness

LEGS = 16  # shown at most
COLUMNS = 17  # pictures in a row at most
WIDE = 1040  # pixels a row of pictures may take
FRAMES = 16  # of the animation on a leg at least, where steps can be divided by up to eight
SIDE = 128  # pixels a side of a still picture may be enlarged to
LARGE = 256  # pixels that a side of the animation has at least
SECONDS = 0.06  # a frame


def grid(path: Path, steps: int) -> Figure:
    """Figure 4: a row for each leg, the way from one point to the next."""
    shown = _evenly(steps, COLUMNS - 1)
    legs = range(min(LEGS, len(path)))
    t = shown / steps
    rows = {path.text(leg): path.gan.image.shown(path.draw(np.full(len(t), leg), t)) for leg in legs}
    scale = max(1, min(WIDE // len(t), SIDE) // path.gan.image.size)
    caption = (
        "Each row goes from one sample to the next, named by seed and index at the left, and the next row goes on."
    )
    if len(shown) <= steps:
        caption += f" Shown are {len(shown)} of {steps + 1} pictures of each row."
    if len(path) > LEGS:
        caption += f" These are the first {LEGS} of {len(path)} rows."
    return Figure(draw.labelled_rows(rows, scale=scale), caption)


def animation(path: Path, steps: int, *, loop: bool) -> Figure:
    """The walk as a moving picture."""
    parts = next((2**k for k in range(EVERYWHERE) if steps * 2**k >= FRAMES), 2**EVERYWHERE)
    t = _evenly(steps * parts, 2 * FRAMES)[:-1] / (steps * parts)
    legs = min(LEGS, len(path))
    pictures = [path.gan.image.shown(path.draw(np.full(len(t), leg), t)) for leg in range(legs)]
    ends_open = not loop or legs < len(path)
    if ends_open:
        last = path.gan.image.shown(path.draw(np.array([legs - 1]), np.array([1.0])))
        pictures.append(last.repeat(FRAMES, axis=0))  # a rest before it begins again
    scale = max(1, -(-LARGE // path.gan.image.size))
    frames = [draw.grid(picture[None], 1, scale=scale, pad=0) for leg in pictures for picture in leg]
    through = f"the first {legs} of {len(path)} legs" if legs < len(path) else "all points"
    end = "it rests at its end and begins again" if ends_open else "it comes back to where it began and has no end"
    return Figure(frames[0], f"The walk through {through}; {end}.", frames, SECONDS)


def sharpest(path: Path, found: Mapping[str, Smoothness], answers: Mapping[str, Answer], steps: int) -> Figure:
    """Each walk's largest step as its two pictures and their difference, at first and with the finest steps."""
    rows: dict[str, np.ndarray] = {}
    for name, smoothness in found.items():
        leg, step = np.unravel_index(smoothness.distance.argmax(), smoothness.distance.shape)
        finest = int(smoothness.largest[:, -1].argmax())
        for count, which, place in (
            (steps, int(leg), np.array([step, step + 1]) / steps),
            (steps * FINEST, finest, smoothness.place[finest]),
        ):
            pair = answers[name](path.draw(np.full(2, which), place))
            rows[f"{name}, {count:,} steps"] = _with_difference(pair, path.gan.image)
    scale = max(1, SIDE // path.gan.image.size)
    sheet = draw.labelled_rows(rows, scale=scale, heads=["before", "after", "difference"])
    return Figure(
        sheet,
        f"The largest step of the walk, the largest with {FINEST:,} times as many steps on each leg, and both of the "
        f"{NAME}: nothing is left of a smooth change, all of a jump.",
    )


def doubling(found: Mapping[str, Smoothness], steps: int) -> Figure:
    """The largest step of all against how many steps a leg has."""
    counts = steps * 2.0 ** np.arange(EVERYWHERE + ALONE + 1)
    largest = {name: smoothness.largest.max(0) for name, smoothness in found.items()}
    overall = max(line.max() for line in largest.values())
    # where nothing changes at all, a line runs at the bottom instead of nowhere
    lines = {
        name: (np.maximum(line, (line.max() or overall) / (4 * FINEST)), None, None) for name, line in largest.items()
    }
    even = next(iter(largest.values())).max() * counts[0] / counts
    plot = draw.curve(
        counts,
        {**lines, "halved each time": (even, None, None)},
        xlabel="steps on each leg",
        ylabel="largest step (RMS, levels of 255)",
        log=True,
    )
    return Figure(
        plot,
        f"A smooth change halves as steps double, a jump stays as it is. Up to {counts[EVERYWHERE]:,.0f} steps all are "
        "measured; beyond, the sharpest step of each leg is halved again and again.",
    )


def distances(found: Mapping[str, np.ndarray], points: Sequence[str], ylabel: str, caption: str) -> Figure:
    """The distance of each step along the whole walk.

    Args:
        found: name -> (legs, steps).
        points: what the ends of the legs are called, one more than legs.
    """
    legs, steps = next(iter(found.values())).shape
    shown = min(legs, LEGS)
    x = (np.arange(shown * steps) + 0.5) / steps
    lines = {name: (distance[:shown].ravel(), None, None) for name, distance in found.items()}
    if shown < legs:
        caption += f" These are the first {shown} of {legs} legs."
    plot = draw.curve(
        x,
        lines,
        xlabel="on the way, from point to point (seed:index)",
        ylabel=ylabel,
        ticks={float(place): points[place] for place in range(shown + 1)},
        from_zero=True,
    )
    return Figure(plot, caption)


def _with_difference(pair: torch.Tensor, image: ImageSpec) -> np.ndarray:
    """Two pictures (2, c, h, w) and how much each value differs: black where it does not, white where it does most.

    Where channels are shown as colours, the difference is that of the channel that differs most.
    """
    pictures, values = image.shown(pair), image.to_uint8(pair)
    apart = np.abs(values[1].astype(int) - values[0].astype(int)).astype(np.uint8)
    if apart.shape[2] == 4:
        apart[..., 3] = 255  # or it would be as transparent as the pictures are alike
    if apart.shape != pictures[0].shape:
        apart = np.broadcast_to(apart.max(2, keepdims=True), pictures[0].shape)
    return np.concatenate([pictures, apart[None]])


def _evenly(steps: int, most: int) -> np.ndarray:
    """0 to ``steps``, both ends and as many evenly between as fit: (at most ``most`` + 1,) integers."""
    every = -(-steps // most)
    return np.unique(np.append(np.arange(0, steps, every), steps))
