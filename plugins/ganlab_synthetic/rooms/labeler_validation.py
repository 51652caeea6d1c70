"""Measure a labeler on drawn rooms it has never seen: plain, changed as a person sees through, blanked, with decoys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from ..labelers.changes import GONE, KEPT, UNIT
from .labeler import RoomLabeler
from .labeler_training import Rooms, class_map
from .room import CONCEPTS, Room, draw_room

WITH_DECOYS, COLOUR = "with decoys", "control: colour alone"
Report = dict[str, dict[str, dict[str, float]]]


def held_out_rooms(count: int, seed: int = 78, draw: Callable[[int, int], Room] = draw_room) -> Rooms:
    """Rooms of a series that neither the data set nor the training draws from."""
    rooms = [draw(seed, index) for index in range(count)]
    return Rooms(np.stack([room.image for room in rooms]), np.stack([class_map(room) for room in rooms]))


def validate(labeler: RoomLabeler, rooms: Rooms, decoys: Rooms, seen: Rooms) -> Report:
    """All figures of the card.

    Args:
        labeler: what is measured.
        rooms: held-out rooms, none with decoys.
        decoys: held-out rooms, all with decoys; they are a row of their own.
        seen: rooms the colour-only control may learn from.

    Returns:
        ``iou``: change -> concept -> intersection over union of all pixels; ``shows``: change -> concept -> share of
        rooms in which seeing the concept at all agrees with the truth; ``windows`` and ``pictures``: change -> share of
        the rooms with one in which it is ``found``, and of those without in which one is ``imagined``; of how many
        (``found_of``, ``imagined_of``).
    """
    report: Report = {"iou": {}, "shows": {}, "windows": {}, "pictures": {}}
    pictures, truth = _with_truth(rooms)
    window = torch.from_numpy(truth[:, :1]).float()
    for name, change in (KEPT | GONE).items():
        _add(report, name, labeler, change(pictures, window), truth)
    _add(report, WITH_DECOYS, labeler, *_with_truth(decoys))
    report["iou"][COLOUR] = _by_concept(overlap(told_by_colour(seen, rooms), truth))
    return report


def _with_truth(rooms: Rooms) -> tuple[torch.Tensor, np.ndarray]:
    """Pictures (n, 3, h, w) in [0, 1] and masks (n, concepts, h, w)."""
    pictures, labels = rooms.batch(np.arange(len(rooms.images)))
    return pictures, np.stack([(labels == place).numpy() for place in range(1, len(CONCEPTS) + 1)], 1)


def _add(report: Report, name: str, labeler: RoomLabeler, pictures: torch.Tensor, truth: np.ndarray) -> None:
    """A row of the report; after changes that leave no window, of windows alone."""
    needed = np.array([labeler.card["min_pixels"][concept] for concept in CONCEPTS])
    masks = labeler.masks(pictures, UNIT)
    there = truth.sum((2, 3))
    seen, shown, absent = masks.sum((2, 3)) >= needed, there >= needed, there == 0
    for place, concept in enumerate(CONCEPTS[: 1 if name in GONE else 2]):
        groups = {"found": seen[shown[:, place], place], "imagined": seen[absent[:, place], place]}
        shares = {what: _round(rows.mean()) for what, rows in groups.items() if len(rows)}
        report[f"{concept}s"][name] = shares | {f"{what}_of": len(rows) for what, rows in groups.items()}
    if name not in GONE:
        report["iou"][name] = _by_concept(overlap(masks, truth))
        report["shows"][name] = _by_concept((seen == shown).mean(0))


def table(report: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The figures as a Markdown table for people."""
    kinds = ("windows", "pictures")
    heads = ["change", *(head for kind in kinds for head in (f"{kind} found", "imagined"))]
    lines = [f"| {' | '.join([*heads, *(f'IoU {concept}' for concept in CONCEPTS)])} |"]
    lines.append("|" + "---|" * (len(heads) + len(CONCEPTS)))
    for name in (*report["windows"], COLOUR):
        iou = report["iou"].get(name, {})
        cells = [_counted(report[kind].get(name, {}), what) for kind in kinds for what in ("found", "imagined")]
        cells += [f"{iou[concept]:.2f}" if iou else "" for concept in CONCEPTS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _counted(shares: Mapping[str, float], what: str) -> str:
    return f"{100 * shares[what]:.1f}% of {shares[f'{what}_of']}" if what in shares else ""


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
