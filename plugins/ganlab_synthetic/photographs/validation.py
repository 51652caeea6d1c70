"""Measure a judge of rooms on held-out photographs, beside what colour alone, the commoner answer and `rooms` say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..labelers.changes import UNIT
from ..labelers.pixels import as_batch
from ..rooms import CONCEPTS
from ..rooms.labeler import SHIPPED, RoomLabeler
from ..rooms.labeler_training import Rooms
from ..rooms.labeler_validation import told_by_colour
from .choosing import Truth, choose_min_pixels, found_and_imagined, overlap_of_known, truth_of
from .intervals import interval
from .reading import Photographs, Split

Report = dict[str, dict[str, dict[str, float]]]
JUDGE, DRAWN, DRAWN_TUNED = "rooms-real", "control: rooms", "control: rooms, its pixels counted anew"
ABOVE_COLOUR = "rooms-real above colour alone"
COLOUR, COMMONER = "control: colour alone", "control: the commoner answer"
FIGURES = ("iou", "balanced", "found", "imagined", "accuracy")


def validate(folder: Path, photographs: Photographs, parts: Split) -> Report:
    """All figures of the card.

    Args:
        folder: the labeler that is measured.
        photographs: all of them; figures are of the held-out ones, thresholds of controls are chosen where the
            labeler's are.

    Returns:
        Each of ``FIGURES``: who -> concept -> share of the pixels, or of the pictures that are decided;
        ``balanced_low`` and ``balanced_high``: 95% of the labeler's, and of how far it is above colour; ``pictures``:
        ``shown``, ``absent`` or ``undecided`` -> concept -> number of the held-out photographs.
    """
    chosen, measured = photographs[parts.choose], photographs[parts.held_out]
    truth, seen = truth_of(measured), measured.at64()
    report: Report = {figure: {} for figure in FIGURES}
    masks, ours = _verdict(RoomLabeler(folder), seen)
    _add(report, JUDGE, masks, ours, truth)
    drawn = RoomLabeler(SHIPPED)
    _add(report, DRAWN, *_verdict(drawn, seen), truth)
    counted = choose_min_pixels(_verdict(drawn, chosen.at64())[0], truth_of(chosen))
    masks = _verdict(drawn, seen)[0]
    _add(report, DRAWN_TUNED, masks, _shows(masks, counted), truth)
    learnt = photographs[parts.rehearse].at64()
    masks = told_by_colour(learnt, seen)
    counted = choose_min_pixels(told_by_colour(learnt, chosen.at64()), truth_of(chosen))
    by_colour = _shows(masks, counted)
    _add(report, COLOUR, masks, by_colour, truth)
    report |= {"balanced_low": {}, "balanced_high": {}}
    for who, beside in ((JUDGE, None), (ABOVE_COLOUR, by_colour)):
        ends = interval(ours, truth, measured.numbers, beside)
        report["balanced_low"][who], report["balanced_high"][who] = (_by_concept(end) for end in ends)
    there, decided = (truth.shown & truth.decided).sum(0), truth.decided.sum(0)
    report["accuracy"][COMMONER] = _by_concept(np.maximum(there, decided - there) / decided)
    report["balanced"][COMMONER] = _by_concept(np.full(len(CONCEPTS), 0.5))
    numbers = {"shown": there, "absent": decided - there, "undecided": len(measured.numbers) - decided}
    report["pictures"] = {kind: dict(zip(CONCEPTS, row.tolist(), strict=True)) for kind, row in numbers.items()}
    return report


def table(report: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The figures as a Markdown table for people."""
    lines = ["| concept | judge | IoU | accuracy | balanced | found | imagined |", "|" + "---|" * 7]
    for concept in CONCEPTS:
        for who in (JUDGE, DRAWN, DRAWN_TUNED, COLOUR, COMMONER):
            iou = report["iou"].get(who)
            cells = [f"{iou[concept]:.2f}" if iou else ""]
            for figure in ("accuracy", "balanced", "found", "imagined"):
                shares = report[figure].get(who)
                cells.append(f"{100 * shares[concept]:.1f}%" if shares else "")
            lines.append(f"| {concept} | {who} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _verdict(labeler: RoomLabeler, rooms: Rooms) -> tuple[np.ndarray, np.ndarray]:
    """Its masks, and which pictures it says show what."""
    masks = labeler.masks(as_batch(rooms.images), UNIT)
    return masks, _shows(masks, labeler.card["min_pixels"])


def _shows(masks: np.ndarray, min_pixels: Mapping[str, int]) -> np.ndarray:
    return masks.sum((2, 3)) >= [min_pixels[concept] for concept in CONCEPTS]


def _add(report: Report, who: str, masks: np.ndarray, shows: np.ndarray, truth: Truth) -> None:
    found, imagined = found_and_imagined(shows, truth)
    right = ((shows == truth.shown) & truth.decided).sum(0) / truth.decided.sum(0)
    values = (overlap_of_known(masks, truth), (found + 1 - imagined) / 2, found, imagined, right)
    for figure, value in zip(FIGURES, values, strict=True):
        report[figure][who] = _by_concept(value)


def _by_concept(values: np.ndarray) -> dict[str, float]:
    return {concept: round(float(value), 4) for concept, value in zip(CONCEPTS, values, strict=True)}
