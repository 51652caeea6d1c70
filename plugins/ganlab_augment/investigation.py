"""The experiment of the paper's appendix: one classifier, what it learnt from exchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganlab import (
    Gan,
    GanlabError,
    Images,
    Result,
    check_apart,
    classes_of,
    few,
    labels_of,
    split_of,
)

from .classifier import Questions, nearest_neighbour
from .report import report
from .sets import Real, Samples, random_classes

NAMED = 12  # classes in a note


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of the command."""

    n: int
    shown: int
    skip_broken: bool
    seed: int


def investigate(gan: Gan, data: Images, test: Images | None, baseline: Gan | None, choices: Choices) -> Result:
    """Run it."""
    for one in (gan, baseline):
        if one is not None:
            one.latents_in_turn(1)  # refuses a discriminator alone
    split = split_of(data, test)
    if choices.skip_broken:
        split = split.readable(gan.image.size, gan.image.channels)
    classes, notes = _classes(gan, split.learn, choices.n)
    notes += split.notes
    if baseline is not None:
        _check_comparable(gan, baseline)
    if split.test is None:
        raise GanlabError(
            f"{data.spec} has no test pictures beside it.", "Give --test a set that nothing was trained on."
        )
    notes += [note for one in (gan, baseline) if one is not None for note in _trained_on(one, split.test)]
    generated = [Samples(f"GAN {gan.name}", "error", gan, choices.n, choices.seed)]
    if baseline is not None:
        generated.insert(0, Samples(f"baseline {baseline.name}", "error_baseline", baseline, choices.n, choices.seed))
    real = Real("real pictures", split.learn, labels_of(split.learn, classes), gan.image)
    asked = Questions.of(Real("test pictures", split.test, labels_of(split.test, classes), gan.image))
    drawn = [Questions.of(one.first(len(split.test))) for one in generated]
    by_real, *of_samples = nearest_neighbour(real, [asked, *drawn])
    same = np.flatnonzero(by_real.distances == 0)
    twins = list(zip(same.tolist(), by_real.nearest[same].tolist(), strict=True))
    notes += check_apart(split.learn, split.test, twins, len(split.test))
    answers = [by_real, *(nearest_neighbour(one, [asked])[0] for one in generated)]
    shuffled = random_classes(answers[-1].nearest, len(classes), choices.seed)
    return report(gan, classes, answers, of_samples, shuffled, choices.shown, choices.seed, notes)


def _classes(gan: Gan, data: Images, n: int) -> tuple[Sequence[str], list[str]]:
    """The classes in the GAN's order, and what to know of that order.

    Raises:
        GanlabError: the GAN draws no classes, only one of them, or not those of the pictures; too few samples.
    """
    if gan.classes is None:
        raise GanlabError(
            f"The GAN {gan.name!r} draws no classes, so its samples teach none.", "Try ganlab train DATA --conditional."
        )
    if gan.label is not None:
        raise GanlabError(
            f"A classifier learns from samples of all classes, and {gan.name} draws class {gan.label}.",
            "Give the GAN itself, without of_class().",
        )
    if n < gan.classes:
        raise GanlabError(f"{n} samples do not cover {gan.classes} classes.", "Ask for --n 50000.")
    classes = classes_of(data)
    if len(classes) != gan.classes:
        raise GanlabError(
            f"{gan.name} draws {gan.classes} classes, and {data.spec} has {len(classes)}.",
            "Give the pictures that it was trained on.",
        )
    if "class_names" in gan.card.facts:
        return gan.class_names, []
    return classes, [
        f"{gan.name} does not name its classes: they are taken to be those of DATA in order, {few(classes, NAMED)}."
    ]


def _check_comparable(gan: Gan, baseline: Gan) -> None:
    if baseline.classes != gan.classes or baseline.class_names != gan.class_names or baseline.label is not None:
        raise GanlabError(f"{baseline.name} does not draw the classes of {gan.name}.", "Train both on the same data.")
    if (baseline.image.size, baseline.image.channels) != (gan.image.size, gan.image.channels):
        raise GanlabError(
            f"{baseline.name} draws {baseline.image.size} pixels in {baseline.image.channels} channels, "
            f"{gan.name} {gan.image.size} in {gan.image.channels}.",
            "Distances compare only within one size: train both with the same --size and --channels.",
        )


def _trained_on(gan: Gan, asked: Images) -> list[str]:
    """What to know where the GAN's card says that it was trained on a whole set, the test pictures among it."""
    training = gan.card.facts.get("training")
    trained = str(training.get("data", "")) if isinstance(training, Mapping) else ""
    whole, _, part = asked.spec.rpartition(":")
    # (of an npz one array is trained on, not all)
    sets = [asked.spec, whole] if part in asked.parts and not whole.endswith(".npz") else [asked.spec]
    if not trained or Path(trained) not in map(Path, sets):
        return []
    alone = f" Train on {trained}:train alone." if "train" in asked.parts else ""
    return [f"{gan.name} was trained on {trained}, the test pictures among them, which flatters it.{alone}"]
