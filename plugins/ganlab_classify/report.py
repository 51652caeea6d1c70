"""The numbers with their controls, tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ganlab import Figure, Gan, Metric, Result, Table
from ganlab import figures as draw

from .labelled import Task
from .learning import Outcome, Plan
from .svm import TOLERANCE

DISCRIMINATOR, UNTRAINED, PIXELS = "discriminator", "untrained discriminator", "raw pixels"
SHORT = {DISCRIMINATOR: "accuracy", UNTRAINED: "accuracy_untrained", PIXELS: "accuracy_pixels"}
MOST_CLASSES = 24  # in a figure that names them
MISTAKES, PICTURES = 6, 10  # commonest mistakes shown, and pictures of each

Read = Callable[[np.ndarray], np.ndarray]


def report(
    gan: Gan,
    task: Task,
    plan: Plan,
    outcomes: Mapping[str, Outcome],
    layers: Sequence[str],
    per_class: int | None,
    read: Read,
    notes: list[str],
) -> Result:
    """All that the outcomes say; ``read`` gives the described pictures by number."""
    ours, truth = outcomes[DISCRIMINATOR], plan.labels[plan.test]
    learnt = plan.again if plan.again is not None else plan.learn[0]
    how = "" if per_class is None else f" from {per_class} labels each (mean of {len(plan.learn)} draws)"
    others = "; ".join(f"{name} {outcome.accuracy:.1%}" for name, outcome in outcomes.items() if outcome is not ours)
    result = Result(
        f"A linear SVM on the discriminator features of {gan.name} tells {len(task.classes)} classes{how} right in "
        f"{ours.accuracy:.1%} of {len(truth):,} test pictures ({others})."
    )
    result.metrics = _metrics(outcomes, truth, len(task.classes))
    result.tables["descriptions"] = _descriptions(outcomes, layers, len(learnt))
    result.tables["classes"] = _by_class(task, outcomes, truth)
    result.tables["c"] = _tried(outcomes, len(plan.choose))
    if per_class is not None:
        result.tables["draws"] = _draws(outcomes, per_class)
    confusion = np.zeros((len(task.classes), len(task.classes)), np.int64)
    np.add.at(confusion, (np.broadcast_to(truth, ours.told.shape), ours.told), 1)
    result.arrays = {"confusion": confusion, "told": ours.told.astype(np.int16), "truth": truth.astype(np.int16)}
    result.figures["accuracy"] = _accuracy(task, outcomes, truth)
    result.figures["confusion"] = _confusion(task, confusion)
    if mistakes := _mistakes(task, plan, ours, confusion, read):
        result.figures["mistakes"] = mistakes
    result.notes = notes + _at_the_edge(outcomes) + _unfinished(outcomes)
    return result


def _metrics(outcomes: Mapping[str, Outcome], truth: np.ndarray, classes: int) -> dict[str, Metric]:
    present = list(outcomes)
    metrics: dict[str, Metric] = {}
    for name, following in zip(present, [*present[1:], None], strict=True):
        outcome = outcomes[name]
        metrics[SHORT[name]] = Metric(
            outcome.accuracy,
            *outcome.interval(),
            len(truth),
            SHORT[following] if following else "accuracy_guessing",
            about=f"test pictures told right by {name}" + ("" if name == PIXELS else " features"),
        )
    metrics["accuracy_guessing"] = Metric(
        float(np.bincount(truth, minlength=classes).max() / len(truth)),
        n=len(truth),
        no_control="it is the control",
        about="told right by always naming the commonest class",
    )
    for name in present[1:]:
        value, low, high = outcomes[DISCRIMINATOR].above(outcomes[name])
        metrics["above" + SHORT[name].removeprefix("accuracy")] = Metric(
            value,
            low,
            high,
            len(truth),
            no_control="it is the difference to a control",
            about=f"points by which the discriminator's features tell more than {name}",
        )
    return metrics


def _descriptions(outcomes: Mapping[str, Outcome], layers: Sequence[str], learnt: int) -> Table:
    rows: list[list[object]] = [
        [name, outcome.width, outcome.c, outcome.tried[outcome.c], outcome.accuracy, *outcome.interval()]
        for name, outcome in outcomes.items()
    ]
    return Table(
        ["pictures described by", "numbers", "C", "held-out accuracy", "test accuracy", "low", "high"],
        [[None if cell != cell else cell for cell in row] for row in rows],  # no held-out accuracy where C was given
        f"Learnt from {learnt:,} pictures; layers {', '.join(layers)}, each max-pooled to 4x4.",
    )


def _by_class(task: Task, outcomes: Mapping[str, Outcome], truth: np.ndarray) -> Table:
    rows = [
        [name, int((truth == label).sum()), *(_recall(outcome, truth == label) for outcome in outcomes.values())]
        for label, name in enumerate(task.classes)
    ]
    return Table(["class", "test pictures", *outcomes], rows, "The part of each class that is told right.")


def _recall(outcome: Outcome, rows: np.ndarray) -> float | None:
    return float(outcome.right[:, rows].mean()) if rows.any() else None


def _tried(outcomes: Mapping[str, Outcome], held_out: int) -> Table:
    cs = sorted({c for outcome in outcomes.values() for c in outcome.tried})
    rows: list[list[object]] = [[c, *(outcome.tried.get(c) for outcome in outcomes.values())] for c in cs]
    return Table(
        ["C", *outcomes],
        [[None if cell != cell else cell for cell in row] for row in rows],
        f"Held-out pictures ({held_out:,}) told right; the best C of each is taken. Empty: not tried, it was falling.",
    )


def _draws(outcomes: Mapping[str, Outcome], per_class: int) -> Table:
    accuracies = [outcome.right.mean(1) for outcome in outcomes.values()]
    rows = [[number, *map(float, row)] for number, row in enumerate(zip(*accuracies, strict=True))]
    return Table(["draw", *outcomes], rows, f"Test accuracy from {per_class} labels of each class, draw by draw.")


def _accuracy(task: Task, outcomes: Mapping[str, Outcome], truth: np.ndarray) -> Figure:
    groups: dict[str, dict[str, float | tuple[float, float, float]]] = {}
    for name, outcome in outcomes.items():
        groups[name] = {f"all classes ({len(truth):,})": (outcome.accuracy, *outcome.interval())}
        for label, called in enumerate(task.classes[:MOST_CLASSES]):
            rows = truth == label
            recall = _recall(outcome, rows)
            if recall is not None:
                groups[name][f"{called} ({rows.sum():,})"] = (recall, *outcome.interval(rows))
    draws = len(next(iter(outcomes.values())).right)
    caption = "Told right, over all and class by class; in brackets the test pictures. The lines are 95% intervals"
    caption += f": where a further draw would lie, after {draws}." if draws > 1 else "."
    caption += " The dashed line is what guessing among the classes would tell right, of all and of each."
    if len(task.classes) > MOST_CLASSES:
        caption += f" Shown are the first {MOST_CLASSES} of {len(task.classes)} classes; the table classes has all."
    chance = {"guessing": 1 / len(task.classes)}
    return Figure(draw.bars(groups, xlabel="part of the test pictures told right", marks=chance), caption)


def _confusion(task: Task, confusion: np.ndarray) -> Figure:
    return Figure(
        draw.confusion(confusion, task.classes, title="Of each class (%)"),
        "What the discriminator's features take each class for: per cent of the row, the diagonal is right.",
    )


def _mistakes(task: Task, plan: Plan, ours: Outcome, confusion: np.ndarray, read: Read) -> Figure | None:
    """Test pictures of the commonest mistakes, of the first draw."""
    wrong = confusion * (1 - np.eye(len(confusion), dtype=int))
    truth, told = plan.labels[plan.test], ours.told[0]
    rows: dict[str, np.ndarray] = {}
    for place in np.argsort(-wrong, axis=None, kind="stable")[:MISTAKES]:
        true, taken = np.unravel_index(place, wrong.shape)
        which = plan.test[(truth == true) & (told == taken)][:PICTURES]
        if len(which):
            rows[f"{task.classes[true]} taken for {task.classes[taken]}"] = read(which)
    if not rows:
        return None
    scale = max(1, 64 // next(iter(rows.values())).shape[1])
    return Figure(draw.labelled_rows(rows, scale=scale), "Test pictures of the commonest mistakes.")


def _at_the_edge(outcomes: Mapping[str, Outcome]) -> list[str]:
    at = [name for name, outcome in outcomes.items() if len(outcome.tried) > 1 and outcome.c == max(outcome.tried)]
    return [f"The best C was the largest tried for {', '.join(at)}: give larger ones with --c."] if at else []


def _unfinished(outcomes: Mapping[str, Outcome]) -> list[str]:
    return [
        f"The SVM for {name} stopped up to {outcome.gap:.2%} above its optimum: try a smaller --c."
        for name, outcome in outcomes.items()
        if outcome.gap > TOLERANCE
    ]
