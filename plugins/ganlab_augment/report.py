"""The errors with their control, what is taken for what, and figure 9."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganlab import Figure, Gan, Metric, Result, Table
from ganlab import figures as draw

from .classifier import Answers

MOST_CLASSES = 24  # in a figure that names them
MISTAKES = 10  # in a figure
MISLED = (
    "The commonest mistakes, commonest first: of each the test picture that is closest to the sample that misled, "
    "above that sample. It looks like another class than it was drawn as, or the test picture does."
)
MISDRAWN = (
    "Samples that real pictures take for another class than they were drawn as, the commonest confusion first: of each "
    "the sample that is closest to such a picture, above it."
)


def report(
    gan: Gan,
    classes: Sequence[str],
    answers: Sequence[Answers],
    of_samples: Sequence[Answers],
    shuffled: np.ndarray,
    shown: int,
    seed: int,
    notes: list[str],
) -> Result:
    """All that the answers say.

    Args:
        answers: about the test pictures, after learning from the real pictures, from the baseline's samples if there is
            one, and from the GAN's.
        of_samples: about samples of the baseline if there is one and of the GAN, after learning from the real pictures.
        shuffled: (m,) what is told where the GAN's samples carry classes drawn at random.
    """
    ours, samples = answers[-1], of_samples[-1]
    truth = ours.asked.truth
    metrics = _metrics(answers, of_samples, shuffled)
    others = "; ".join(f"{one.learnt.name} {one.wrong.mean():.2%}" for one in answers[:-1])
    result = Result(
        f"A nearest-neighbour classifier that learnt from {len(ours.learnt):,} samples of {gan.name} errs on "
        f"{metrics['error'].value:.2%} of {len(truth):,} test pictures ({others}). One that learnt from real pictures "
        f"takes {samples.wrong.mean():.2%} of {len(samples.wrong):,} samples for another class.",
        metrics,
        notes=notes,
    )
    confusion = _counted(ours, len(classes))
    result.tables = {
        "errors": _errors(answers, classes, shuffled),
        "samples": _samples(answers[0], of_samples),
        "classes": _by_class(answers, of_samples, classes),
        "confusion": _confusion_table(confusion, classes),
    }
    result.figures["figure9"] = _figure_nine(answers, classes, shown, seed)
    result.figures["confusion"] = _confusion(confusion, classes, ours.learnt.name)
    if mistakes := _mistakes(ours, classes, ("test picture", "nearest sample"), MISLED):
        result.figures["mistakes"] = mistakes
    if misdrawn := _mistakes(samples, classes, ("sample", "nearest real picture"), MISDRAWN):
        result.figures["misdrawn"] = misdrawn
    result.arrays = {
        "truth": truth.astype(np.int32),
        "told": np.stack([one.told for one in answers]).astype(np.int32),
        "samples_told": np.stack([one.told for one in of_samples]).astype(np.int32),
    }
    return result


def _metrics(answers: Sequence[Answers], of_samples: Sequence[Answers], shuffled: np.ndarray) -> dict[str, Metric]:
    ours, real = answers[-1], answers[0]
    metrics = {
        one.learnt.metric: Metric.of_share(
            one.wrong,
            control="error_shuffled" if one is real else "error_real",
            about=f"test pictures told wrong after learning from {len(one.learnt):,} {_plural(one)}",
        )
        for one in (ours, *answers[:-1])
    }
    for one in reversed(of_samples):
        metrics[one.asked.pictures.metric] = Metric.of_share(
            one.wrong,
            control="error_real",
            about=f"the first samples of the {one.asked.pictures.name} that the classifier which learnt from the real "
            "pictures takes for another class than they were drawn as",
        )
    metrics["error_shuffled"] = Metric.of_share(
        shuffled != ours.asked.truth,
        no_control="it is the control",
        about="the GAN's samples with classes drawn at random",
        worth=_worth(ours.nearest),
    )
    for other, name in ((one, one.learnt.metric.removeprefix("error")) for one in answers[:-1]):
        metrics[f"above{name}"] = Metric.of_paired_difference(
            ours.wrong,
            other.wrong,
            no_control="it is the difference to a control",
            about=f"points by which the error is above that from {_plural(other)}; the same pictures told by both",
        )
    return metrics


def _plural(one: Answers) -> str:
    return one.learnt.name if one.learnt.name.startswith("real") else f"samples of the {one.learnt.name}"


def _errors(answers: Sequence[Answers], classes: Sequence[str], shuffled: np.ndarray) -> Table:
    ours = answers[-1]
    truth = ours.asked.truth
    rows = [_row(one.learnt.name, len(one.learnt), one.wrong, one.distances) for one in answers]
    random = f"{ours.learnt.name}, random classes"
    rows.append(_row(random, len(ours.learnt), shuffled != truth, ours.distances, _worth(ours.nearest)))
    return Table(
        ["learnt from", "pictures", "error", "low", "high", "median distance"],
        rows,
        f"Of {len(truth):,} test pictures of {len(classes)} classes told wrong (table 3), with Wilson's 95% interval; "
        "and how far the nearest picture is, in pixels from 0 to 1.",
    )


def _samples(by_real: Answers, of_samples: Sequence[Answers]) -> Table:
    names = [by_real.asked.pictures.name, *map(_samples_of, of_samples)]
    rows = [
        _row(name, len(one.wrong), one.wrong, one.distances)
        for name, one in zip(names, (by_real, *of_samples), strict=True)
    ]
    return Table(
        ["asked about", "pictures", "error", "low", "high", "median distance"],
        rows,
        "Told wrong after learning from the real pictures, with Wilson's 95% interval: test pictures, and as many "
        "samples, the first ones; and how far the nearest real picture is.",
    )


def _samples_of(answers: Answers) -> str:
    return f"samples of {answers.asked.pictures.name}"


def _worth(nearest: np.ndarray) -> float:
    """How many independent draws of a class these answers are worth: pictures with one nearest sample share it."""
    _, counts = np.unique(nearest, return_counts=True)
    return float(len(nearest) ** 2 / (counts**2).sum())


def _row(name: str, count: int, wrong: np.ndarray, distances: np.ndarray, worth: float | None = None) -> list[object]:
    share = Metric.of_share(wrong, no_control="-", worth=worth)
    return [name, count, share.value, share.low, share.high, float(np.median(distances))]


def _by_class(answers: Sequence[Answers], of_samples: Sequence[Answers], classes: Sequence[str]) -> Table:
    rows = []
    for label, name in enumerate(classes):
        of_class = [(one.wrong, one.asked.truth == label) for one in (*answers, *of_samples)]
        errors = [float(wrong[asked].mean()) if asked.any() else None for wrong, asked in of_class]
        rows.append([name, int(of_class[0][1].sum()), *errors])
    heads = [*(one.learnt.name for one in answers), *map(_samples_of, of_samples)]
    return Table(
        ["class", "test pictures", *heads],
        rows,
        "The part of each class that is told wrong: of the test pictures after learning from each set, and of samples "
        "after learning from the real pictures.",
    )


def _counted(answers: Answers, classes: int) -> np.ndarray:
    """How many of each class (rows) are taken for each (columns)."""
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (answers.asked.truth, answers.told), 1)
    return confusion


def _confusion_table(confusion: np.ndarray, classes: Sequence[str]) -> Table:
    rows = [[name, *map(int, row)] for name, row in zip(classes, confusion, strict=True)]
    return Table(["is, taken for", *classes], rows, "Test pictures after learning from the GAN's samples.")


def _confusion(confusion: np.ndarray, classes: Sequence[str], learnt: str) -> Figure:
    return Figure(
        draw.confusion(confusion, classes, title=f"Learnt from samples of the {learnt} (% of each class)"),
        "What a classifier takes each class for after learning from the GAN's samples: per cent of the row, the "
        "diagonal is right.",
    )


def _figure_nine(answers: Sequence[Answers], classes: Sequence[str], shown: int, seed: int) -> Figure:
    """Of every class some of each set, side by side; classes that a set has no picture of are left out."""
    sets = [one.learnt for one in answers]
    rows = [[one.some(label, shown, seed) for one in sets] for label in range(len(classes))]
    there = [label for label, found in enumerate(rows) if all(map(len, found))]
    named = there[:MOST_CLASSES]
    count = min(len(one) for label in named for one in rows[label])
    pictures = {
        f"{one.learnt.name}: {one.wrong.mean():.1%} wrong": [
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


def _mistakes(answers: Answers, classes: Sequence[str], heads: tuple[str, str], caption: str) -> Figure | None:
    """Of each of the commonest mistakes the picture whose nearest one is closest, above that one."""
    truth = answers.asked.truth
    wrong = _counted(answers, len(classes)) * (1 - np.eye(len(classes), dtype=int))
    chosen = []
    for place in np.argsort(-wrong, axis=None, kind="stable")[: min(MISTAKES, np.count_nonzero(wrong))]:
        true, told = np.unravel_index(place, wrong.shape)
        rows = np.flatnonzero((truth == true) & (answers.told == told))
        chosen.append(rows[np.argmin(answers.distances[rows])])
    if not chosen:
        return None
    asked = np.array(chosen)
    pictures = (answers.asked.pictures.pictures(asked), answers.learnt.pictures(answers.nearest[asked]))
    named = [
        f"{classes[truth[row]]}, taken for {classes[answers.told[row]]}: {wrong[truth[row], answers.told[row]]}x"
        for row in asked
    ]
    rows_of = dict(zip(heads, pictures, strict=True))
    return Figure(draw.labelled_rows(rows_of, scale=max(1, 96 // pictures[0].shape[1]), heads=named), caption)
