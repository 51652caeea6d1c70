"""Measure a labeler on drawn rooms it has never seen: plain, changed in ways a person sees through, and blanked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch

from ganlab import ImageSpec

from .augmentation import Augmentation
from .labeler import RoomLabeler
from .labeler_training import Rooms, class_map
from .pixels import blurred, hue_rotation
from .rooms import CONCEPTS, draw_room

UNIT = ImageSpec(size=64, channels=3, low=0.0, high=1.0)
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # pictures (n, 3, h, w) in [0, 1], window (n, 1, h, w)


def held_out_rooms(count: int, seed: int = 78) -> Rooms:
    """Rooms of a series that neither the data set nor the training draws from."""
    rooms = [draw_room(seed, index) for index in range(count)]
    return Rooms(np.stack([room.image for room in rooms]), np.stack([class_map(room) for room in rooms]))


def validate(labeler: RoomLabeler, rooms: Rooms, seen: Rooms) -> dict[str, dict[str, dict[str, float]]]:
    """All figures of the card.

    Args:
        labeler: what is measured.
        rooms: held-out rooms, none with decoys.
        seen: rooms the colour-only control may learn from.

    Returns:
        ``iou``: change -> concept -> intersection over union of all pixels; ``shows``: change -> concept -> share of
        rooms in which seeing the concept at all agrees with the truth; ``windows``: change -> share of the rooms
        with a window in which it is ``found``, and of those without in which one is ``imagined``.
    """
    pictures, labels = rooms.batch(np.arange(len(rooms.images)))
    truth = np.stack([(labels == place).numpy() for place in range(1, len(CONCEPTS) + 1)], 1)
    needed = np.array([labeler.card["min_pixels"][concept] for concept in CONCEPTS])
    shown = truth.sum((2, 3)) >= needed
    window = torch.from_numpy(truth[:, :1]).float()
    report: dict[str, dict[str, dict[str, float]]] = {"iou": {}, "shows": {}, "windows": {}}
    for name, change in (KEPT | GONE).items():
        masks = labeler.masks(change(pictures, window), UNIT)
        found = masks.sum((2, 3)) >= needed
        with_window, without = found[shown[:, 0], 0], found[~truth[:, 0].any((1, 2)), 0]
        groups = {"found": with_window, "imagined": without}
        report["windows"][name] = {what: _round(rows.mean()) for what, rows in groups.items() if len(rows)}
        if name in KEPT:
            report["iou"][name] = _by_concept(overlap(masks, truth))
            report["shows"][name] = _by_concept((found == shown).mean(0))
    report["iou"]["control: colour alone"] = _by_concept(overlap(told_by_colour(seen, rooms), truth))
    return report


def table(report: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The figures as a Markdown table for people."""
    lines = ["| change | windows found | imagined | IoU " + " | IoU ".join(CONCEPTS) + " |"]
    lines.append("|" + "---|" * (3 + len(CONCEPTS)))
    for name in (*report["windows"], "control: colour alone"):
        windows, iou = report["windows"].get(name, {}), report["iou"].get(name, {})
        cells = [_percent(windows.get("found")), _percent(windows.get("imagined"))]
        cells += [f"{iou[concept]:.2f}" if iou else "" for concept in CONCEPTS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}%"


def _round(value: float) -> float:
    return round(float(value), 4)


def _by_concept(values: np.ndarray) -> dict[str, float]:
    return {concept: _round(value) for concept, value in zip(CONCEPTS, values, strict=True)}


def overlap(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Intersection over union of all pixels together, for each concept."""
    return (masks & truth).sum((0, 2, 3)) / (masks | truth).sum((0, 2, 3))


def told_by_colour(seen: Rooms, rooms: Rooms) -> np.ndarray:
    """Masks by each pixel's colour alone, from a table of 16x16x16 colours with the best cut for each concept."""

    def code(images: np.ndarray) -> np.ndarray:
        red, green, blue = np.moveaxis(images.astype(np.int64) >> 4, -1, 0)
        return (red << 8) | (green << 4) | blue

    codes, labels = code(seen.images).ravel(), seen.labels.ravel()
    totals = np.bincount(codes, minlength=4096)
    masks = np.zeros((len(rooms.images), len(CONCEPTS), *rooms.labels.shape[1:]), bool)
    for place in range(len(CONCEPTS)):
        hits = np.bincount(codes[labels == place + 1], minlength=4096)
        order = np.argsort(-hits / np.maximum(totals, 1), kind="stable")
        caught, taken = hits[order].cumsum(), totals[order].cumsum()
        best = int(np.argmax(caught / (taken + hits.sum() - caught)))
        masks[:, place] = np.isin(code(rooms.images), order[: best + 1])
    return masks


# --- changes a person sees through ------------------------------------------------------------------------------


def _hue(degrees: float) -> Change:
    matrix = hue_rotation(torch.tensor([math.radians(degrees)]))[0]
    return lambda pictures, window: torch.einsum("ij,njhw->nihw", matrix, pictures).clamp(0, 1)


def _red(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return pictures * torch.tensor([1.0, 0.35, 0.3]).reshape(3, 1, 1)


def _grey(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return pictures.mean(1, keepdim=True).expand_as(pictures)


def _contrast(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return 0.5 + 0.5 * (pictures - pictures.mean((1, 2, 3), keepdim=True))


def _only_windows(change: Change) -> Change:
    return lambda pictures, window: torch.lerp(pictures, change(pictures, window), blurred(window, 0.7))


def _dim(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return 0.45 * pictures


def _towards_wall(share: float) -> Change:
    return lambda pictures, window: torch.lerp(pictures, _wall(pictures, window), share * _grown(window))


def _blur(sigma: float) -> Change:
    return lambda pictures, window: blurred(pictures, sigma)


def _degraded(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    augmentation = Augmentation(torch.Generator().manual_seed(5), len(CONCEPTS))
    return augmentation.degrade(pictures.clone())


def _noisy(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(6))
    return (pictures + 0.06 * noise).clamp(0, 1)


KEPT: dict[str, Change] = {
    "as drawn": lambda pictures, window: pictures,
    **{f"hue turned by {degrees} degrees": _hue(degrees) for degrees in (60, 120, 180, 240, 300)},
    "red light": _red,
    "windows red": _only_windows(_red),
    "grey": _grey,
    "windows grey": _only_windows(_grey),
    "negative": lambda pictures, window: 1 - pictures,
    "windows negative": _only_windows(lambda pictures, window: 1 - pictures),
    "contrast halved": _contrast,
    "windows dimmed to 0.45": _only_windows(_dim),
    "windows half faded into the wall": _towards_wall(0.5),
    "blur of 1 pixel": _blur(1.0),
    "blur of 1.5 pixels": _blur(1.5),
    "noise of 15 levels": _noisy,
    "patterns, noise and blur mixed": _degraded,
}


# --- changes after which there is no window -----------------------------------------------------------------------


def _grown(window: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.max_pool2d(window, 5, 1, 2)


def _wall(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """What surrounds the windows, carried on into them."""
    outside = 1 - _grown(window)
    return blurred(pictures * outside, 5.0) / blurred(outside, 5.0).clamp_min(1e-3)


def _smudge(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return torch.lerp(pictures, blurred(pictures, 4.0), _grown(window))


def _plain_panes(pictures: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Frame and sill stay, everything inside them becomes the mean colour of the window."""
    inside = 1 - torch.nn.functional.max_pool2d(1 - window, 5, 1, 2)
    mean = (pictures * window).sum((2, 3), keepdim=True) / window.sum((2, 3), keepdim=True).clamp_min(1)
    return torch.lerp(pictures, mean.expand_as(pictures), inside)


GONE: dict[str, Change] = {
    "gone: wall instead of windows": _towards_wall(1.0),
    "gone: windows blurred to a smudge": _smudge,
    "gone: one colour inside the frame": _plain_panes,
}
