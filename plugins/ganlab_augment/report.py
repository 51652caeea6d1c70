"""The errors with their control, what is taken for what, and figure 9."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganlab import Figure, Gan, Metric, Result, Table
from ganlab import figures as draw

from .classifier import Answers
from .sets import TrainingSet

MOST_CLASSES = 24  # in a figure that names them
MISTAKES = 10  # in a figure


def report(
    gan: Gan,
    classes: Sequence[str],
    questions: TrainingSet,
    truth: np.ndarray,
    answers: Sequence[Answers],
    shuffled: np.ndarray,
    shown: int,
    seed: int,
    notes: list[str],
) -> Result:
    """All that the answers say.

    Args:
        answers: after learning from the real pictures, from the baseline's samples if there is one, and from the GAN's.
        shuffled: (m,) what is told where the GAN's samples carry classes drawn at random.
    """
    ours = answers[-1]
    metrics = _metrics(answers, truth, shuffled)
    others = "; ".join(f"{one.learnt.name} {_error(one.told, truth):.2%}" for one in answers[:-1])
    result = Result(
        f"A nearest-neighbour classifier that learnt from {len(ours.learnt):,} samples of {gan.name} errs on "
        f"{metrics['error'].value:.2%} of {len(truth):,} test pictures ({others}).",
        metrics,
        notes=notes,
    )
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (truth, ours.told), 1)
    result.tables = {
        "errors": _errors(answers, classes, truth, shuffled),
        "classes": _by_class(answers, classes, truth),
        "confusion": _confusion_table(confusion, classes),
    }
    result.figures["figure9"] = _figure_nine(answers, classes, truth, shown, seed)
    result.figures["confusion"] = _confusion(confusion, classes, ours.learnt.name)
    if mistakes := _mistakes(ours, questions, classes, truth, confusion):
        result.figures["mistakes"] = mistakes
    result.arrays = {"truth": truth.astype(np.int32), "told": np.stack([one.told for one in answers]).astype(np.int32)}
    return result


def _error(told: np.ndarray, truth: np.ndarray) -> float:
    return float((told != truth).mean())


def _metrics(answers: Sequence[Answers], truth: np.ndarray, shuffled: np.ndarray) -> dict[str, Metric]:
    ours, real = answers[-1], answers[0]
    metrics = {
        one.learnt.metric: Metric.of_share(
            one.told != truth,
            control="error_shuffled" if one is real else "error_real",
            about=f"test pictures told wrong after learning from {len(one.learnt):,} {_plural(one)}",
        )
        for one in (ours, *answers[:-1])
    }
    metrics["error_shuffled"] = Metric.of_share(
        shuffled != truth, no_control="it is the control", about="the GAN's samples with classes drawn at random"
    )
    for other, name in ((one, one.learnt.metric.removeprefix("error")) for one in answers[:-1]):
        metrics[f"above{name}"] = Metric.of_paired_difference(
            ours.told != truth,
            other.told != truth,
            no_control="it is the difference to a control",
            about=f"points by which the error is above that from {_plural(other)}; the same pictures told by both",
        )
    return metrics


def _plural(one: Answers) -> str:
    return one.learnt.name if one.learnt.name.startswith("real") else f"samples of the {one.learnt.name}"


def _errors(answers: Sequence[Answers], classes: Sequence[str], truth: np.ndarray, shuffled: np.ndarray) -> Table:
    rows: list[list[object]] = []
    for name, one, told in [
        *((one.learnt.name, one, one.told) for one in answers),
        (f"{answers[-1].learnt.name}, random classes", answers[-1], shuffled),
    ]:
        share = Metric.of_share(told != truth, no_control="-")
        rows.append([name, len(one.learnt), share.value, share.low, share.high, float(np.median(one.distances))])
    return Table(
        ["learnt from", "pictures", "error", "low", "high", "median distance"],
        rows,
        f"Of {len(truth):,} test pictures of {len(classes)} classes told wrong (table 3), with Wilson's 95% interval; "
        "and how far the nearest picture is, in pixels from 0 to 1.",
    )


def _by_class(answers: Sequence[Answers], classes: Sequence[str], truth: np.ndarray) -> Table:
    rows = []
    for label, name in enumerate(classes):
        asked = truth == label
        errors = [_error(one.told[asked], truth[asked]) if asked.any() else None for one in answers]
        rows.append([name, int(asked.sum()), *errors])
    columns = ["class", "test pictures", *(one.learnt.name for one in answers)]
    return Table(columns, rows, "The part of each class that is told wrong.")


def _confusion_table(confusion: np.ndarray, classes: Sequence[str]) -> Table:
    rows = [[name, *map(int, row)] for name, row in zip(classes, confusion, strict=True)]
    return Table(["is, taken for", *classes], rows, "Test pictures after learning from the GAN's samples.")


def _confusion(confusion: np.ndarray, classes: Sequence[str], learnt: str) -> Figure:
    return Figure(
        draw.confusion(confusion, classes, title=f"Learnt from samples of the {learnt} (% of each class)"),
        "What a classifier takes each class for after learning from the GAN's samples: per cent of the row, the "
        "diagonal is right.",
    )


def _figure_nine(
    answers: Sequence[Answers], classes: Sequence[str], truth: np.ndarray, shown: int, seed: int
) -> Figure:
    """Of every class some of each set, side by side; classes that a set has no picture of are left out."""
    sets = [one.learnt for one in answers]
    rows = [[one.some(label, shown, seed) for one in sets] for label in range(len(classes))]
    there = [label for label, found in enumerate(rows) if all(map(len, found))]
    named = there[:MOST_CLASSES]
    count = min(len(one) for label in named for one in rows[label])
    pictures = {
        f"{one.learnt.name}: {_error(one.told, truth):.1%} wrong": [
            [one.learnt.pictures(rows[label][place][:count])] for label in named
        ]
        for place, one in enumerate(answers)
    }
    size = next(iter(pictures.values()))[0][0].shape[1]
    caption = (
        "Figure 9: pictures of each class, a row each, and how many test pictures a classifier that learnt from such "
        "gets wrong. Real ones drawn at random; samples by index, not chosen."
    )
    if len(there) > MOST_CLASSES:
        caption += f" Shown are the first {MOST_CLASSES} of {len(there)} classes."
    return Figure(draw.blocks(pictures, [classes[label] for label in named], scale=max(1, 48 // size)), caption)


def _mistakes(
    ours: Answers, questions: TrainingSet, classes: Sequence[str], truth: np.ndarray, confusion: np.ndarray
) -> Figure | None:
    """Of each of the commonest mistakes the test picture whose nearest sample is closest, and that sample."""
    wrong = confusion * (1 - np.eye(len(classes), dtype=int))
    chosen = []
    for place in np.argsort(-wrong, axis=None, kind="stable")[: min(MISTAKES, np.count_nonzero(wrong))]:
        true, told = np.unravel_index(place, wrong.shape)
        rows = np.flatnonzero((truth == true) & (ours.told == told))
        chosen.append(rows[np.argmin(ours.distances[rows])])
    if not chosen:
        return None
    asked = np.array(chosen)
    pairs = {"test picture": questions.pictures(asked), "nearest sample": ours.learnt.pictures(ours.nearest[asked])}
    heads = [
        f"{classes[truth[row]]}, taken for {classes[ours.told[row]]}: {wrong[truth[row], ours.told[row]]}x"
        for row in asked
    ]
    scale = max(1, 96 // pairs["test picture"].shape[1])
    return Figure(
        draw.labelled_rows(pairs, scale=scale, heads=heads),
        "The commonest mistakes, commonest first: of each the test picture that is closest to the sample that misled, "
        "above that sample. It looks like another class than it was drawn as, or the test picture does.",
    )
