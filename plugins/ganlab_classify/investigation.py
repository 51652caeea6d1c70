"""From a GAN and labelled pictures to the numbers: describe, learn, compare with the controls."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from ganlab import Gan, GanlabError, Images, Result, check_apart, shuffled

from .features import (
    BATCH,
    SAMPLE,
    Described,
    Extract,
    Pictures,
    chunk_size,
    layer_names,
    of_discriminator,
    of_pixels,
)
from .labelled import STREAM, Task, check_per_class, draw, open_task, validation_of
from .learning import GRID, Outcome, Plan, learn
from .report import DISCRIMINATOR, PIXELS, UNTRAINED, report


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of the command; see its help."""

    per_class: int | None
    draws: int
    c: Sequence[float]
    layers: Sequence[str] | None
    skip_broken: bool
    seed: int


def investigate(gan: Gan, data: Images, test: Images | None, choices: Choices) -> Result:
    """Run the whole investigation."""
    names = layer_names(gan, choices.layers)
    task = open_task(data, test, choices.seed, readable=gan.image if choices.skip_broken else None)
    pictures, plan = _plan(gan, task, choices)
    sample = _sample(np.concatenate(plan.learn), choices.seed)
    chunk = chunk_size(gan, names)
    notes = list(task.notes)
    extracts: dict[str, Extract] = {DISCRIMINATOR: _extract(gan, names, pictures, sample, chunk)}
    try:
        untrained = gan.alone("discriminator").untrained(choices.seed)
    except GanlabError as error:
        notes.append(f"There is no untrained control: {error.message}")
    else:
        extracts[UNTRAINED] = _extract(untrained, names, pictures, sample, chunk)
    extracts[PIXELS] = of_pixels
    outcomes: dict[str, Outcome] = {}
    with closing(Described(pictures, extracts, sample, chunk)) as described:
        twins = _twins(described.firsts, pictures, plan)
        notes += check_apart(task.train.images, task.test.images, twins, len(plan.test))
        for name in extracts:
            outcomes[name] = learn(described.features(name), plan, choices.c or GRID, name)
    shown = pictures.read  # test pictures for a figure
    return report(gan, task, plan, outcomes, names, choices.per_class, shown, notes)


def _plan(gan: Gan, task: Task, choices: Choices) -> tuple[Pictures, Plan]:
    """The pictures that are needed, and what each is for."""
    held_out = validation_of(task.train, choices.seed)
    others, choosing = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    drawn = [others]
    if choices.per_class is not None:
        check_per_class(task.train.labels[others], task.classes, choices.per_class)
        every = range(choices.draws)
        drawn = [others[draw(task.train.labels[others], choices.per_class, number, choices.seed)] for number in every]
    needed = np.unique(np.concatenate([*drawn, choosing]))
    pictures = Pictures(gan, [(task.train.images, task.train.rows[needed]), (task.test.images, task.test.rows)])
    return pictures, Plan(
        labels=np.concatenate([task.train.labels[needed], task.test.labels]),
        classes=len(task.classes),
        learn=[np.searchsorted(needed, rows) for rows in drawn],
        choose=np.searchsorted(needed, choosing),
        again=np.arange(len(needed)) if choices.per_class is None else None,
        test=np.arange(len(needed), len(pictures)),
    )


def _sample(rows: np.ndarray, seed: int) -> np.ndarray:
    """Some of the pictures that are learnt from, in whole batches where there are so many."""
    drawn = shuffled(np.unique(rows), seed, STREAM["sample"])[:SAMPLE]
    whole = len(drawn) // BATCH * BATCH or len(drawn)
    return np.sort(drawn[:whole])


def _extract(gan: Gan, names: Sequence[str], pictures: Pictures, sample: np.ndarray, chunk: int) -> Extract:
    return of_discriminator(gan.with_statistics_of(pictures.batches(sample, chunk)), names)


def _twins(firsts: np.ndarray, pictures: Pictures, plan: Plan) -> list[tuple[int, int]]:
    """Test pictures that are training pictures too: the row of each, and of the first that it is."""
    places = plan.test[firsts[plan.test] < plan.test[0]]  # training pictures come before all test pictures
    return [(pictures.places[place][1], pictures.places[firsts[place]][1]) for place in places]
