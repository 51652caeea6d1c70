"""Measure the labeler of faces on drawn faces it has never seen, plain and changed in ways a person sees through."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..labelers.changes import KEPT, UNIT
from .labeler import CONCEPTS, MEASURES, FaceLabeler
from .labeler_training import Faces

# Those of the changes of rooms that change the whole picture.
CHANGES = {
    name: KEPT[name]
    for name in (
        "as drawn",
        "hue turned by 120 degrees",
        "hue turned by 240 degrees",
        "red light",
        "grey",
        "negative",
        "contrast halved",
        "blur of 1 pixel",
        "blur of 1.5 pixels",
        "noise of 15 levels",
        "patterns, noise and blur mixed",
    )
}
TRUE_COLOURS = ("as drawn", "blur of 1 pixel", "blur of 1.5 pixels", "noise of 15 levels")
Report = dict[str, dict[str, dict[str, float]]]


def validate(labeler: FaceLabeler, faces: Faces) -> Report:
    """Accuracy of the concepts and R2 of the measures, for each change.

    ``accuracy`` has a control too: always the more frequent answer.  R2 stands against the mean, which scores 0.
    """
    pictures, truth = faces.batch(np.arange(len(faces.images)))
    nowhere = torch.zeros(len(pictures), 1, *pictures.shape[2:])
    is_so, size = truth[:, : len(CONCEPTS)].numpy() > 0.5, truth[:, len(CONCEPTS) :].numpy()
    report: Report = {"accuracy": {}, "r2": {}}
    for name, change in CHANGES.items():
        changed = change(pictures, nowhere)
        shows, found = labeler.shows_and_measure(changed, UNIT)
        report["accuracy"][name] = _named(CONCEPTS, (shows == is_so).mean(0))
        measured = MEASURES if name in TRUE_COLOURS else MEASURES[:1]
        report["r2"][name] = _named(measured, r_squared(found, size)[: len(measured)])
    share = is_so.mean(0)
    report["accuracy"]["control: the more frequent"] = _named(CONCEPTS, np.maximum(share, 1 - share))
    return report


def r_squared(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of each column's variance that is explained: 1 is perfect, 0 no better than the mean."""
    return 1 - np.square(found - truth).mean(0) / truth.var(0)


def table(report: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The figures as a Markdown table for people: accuracies, then R2."""
    lines = ["| change | " + " | ".join(CONCEPTS) + " | " + " | ".join(f"R2 {name}" for name in MEASURES) + " |"]
    lines.append("|" + "---|" * (1 + len(CONCEPTS) + len(MEASURES)))
    for name, accuracy in report["accuracy"].items():
        scores = report["r2"].get(name, {})
        cells = [f"{100 * accuracy[concept]:.1f}%" for concept in CONCEPTS]
        cells += [f"{scores[measure]:.3f}" if measure in scores else "" for measure in MEASURES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _named(names: tuple[str, ...], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}
