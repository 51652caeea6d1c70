"""The walk as a whole: pictures, distances, whether it jumps, and the memoriser beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ganlab import Figure, Gan, GanlabError, Metric, Result, Table

from . import figures
from .distance import Features
from .memoriser import NAME, Memoriser
from .path import Path, chosen_path, random_path
from .smoothness import EVERYWHERE, FINEST, JUMP, SMOOTH, Answer, Smoothness, measure
from .video import mp4_bytes, require_video

WALK = "walk"
CONTROL = "it is the control: the nearest of stored samples on the same walk"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of the command, as they are explained there."""

    points: int
    steps: int
    loop: bool
    through: tuple[str, ...]
    stored: int
    mp4: bool
    seed: int


def investigate(gan: Gan, choices: Choices) -> Result:
    """Walk, measure, show; see :func:`ganlab_walk.walk`."""
    if choices.mp4:
        require_video()
    path = _path(gan, choices)
    answers: dict[str, Answer] = {WALK: _as_it_is, NAME: _memoriser(path, choices)}
    features = Features(_looking(path))
    found = measure(path, choices.steps, answers, features)
    if not found[WALK].largest.any():
        raise GanlabError(
            f"{gan.name!r} draws the same picture all along the walk.",
            "A GAN that has collapsed has no way to walk; see what it draws with `ganlab sample`.",
        )
    shown = _figures(path, found, answers, choices)
    moving = shown["animation"]
    return Result(
        summary=_summary(gan, found),
        metrics=_metrics(found, choices.steps),
        tables={"legs": _table(path, found)},
        figures=shown,
        arrays=_arrays(found, choices.steps),
        files={"walk.mp4": mp4_bytes(moving.frames, moving.seconds)} if choices.mp4 else {},
        notes=_notes(gan, features, found, choices),
    )


def _path(gan: Gan, choices: Choices) -> Path:
    if choices.through:
        return chosen_path(gan, choices.through, loop=choices.loop)
    return random_path(gan, choices.points, choices.seed, loop=choices.loop)


def _looking(path: Path) -> Gan:
    """The GAN whose discriminator looks at the pictures, told the class of the first where it has to be told one."""
    labels = path.latents.labels
    return path.gan.of_class(int(labels[0])) if labels is not None and path.gan.conditional_discriminator else path.gan


def _as_it_is(images: torch.Tensor) -> torch.Tensor:
    return images


def _memoriser(path: Path, choices: Choices) -> Memoriser:
    """One that knows the points of the walk, so that each leg leads somewhere, and other samples of the same GAN."""
    labels = path.latents.labels
    label = None if labels is None else int(labels[0])
    others = path.gan.latents(choices.stored, seed=choices.seed, first=len(path.latents), label=label)
    return Memoriser(torch.cat([path.gan.generate(path.latents), path.gan.generate(others)]))


def _summary(gan: Gan, found: dict[str, Smoothness]) -> str:
    walk, control = found[WALK], found[NAME]
    legs, jumps, small = len(walk.jumps), int(walk.jumps.sum()), int(walk.small_jumps.sum())
    kept = f"with {FINEST:,} times as many steps the largest step keeps {_percent(walk.kept.max())} of its size"
    beside = f"a {NAME} on the same walk keeps {_percent(control.kept.max())}"
    if jumps:
        says = f"{gan.name} jumps on {jumps} of {legs} legs"
    elif small:
        says = f"{gan.name} does not walk smoothly, small jumps remain on {small} of {legs} legs"
    else:
        says = f"{gan.name} walks smoothly"
    return f"{says}: {kept}; {beside} and jumps on {int(control.jumps.sum())} of {legs} legs."


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share < 0.1 else 0}f}%"


def _metrics(found: dict[str, Smoothness], steps: int) -> dict[str, Metric]:
    """Each number of the walk beside the same one of the memoriser."""
    metrics: dict[str, Metric] = {}
    for subject, smoothness in found.items():
        legs, pictures = smoothness.distance.shape[0], smoothness.distance.size
        distance = smoothness.distance
        numbers = {
            "jumps": (int(smoothness.jumps.sum()), legs, f"legs with a step that keeps over {JUMP:.0%} of its size"),
            "small_jumps": (
                int(smoothness.small_jumps.sum()),
                legs,
                f"other legs with a step that keeps over {SMOOTH:.1%}, more than a smooth curve leaves",
            ),
            "largest_step_kept": (
                smoothness.kept.max(),
                legs,
                f"what the worst leg's largest step keeps of its size with {FINEST:,} times as many steps, as a share",
            ),
            "largest_step_per_doubling": (
                smoothness.per_doubling,
                legs,
                f"the largest step, when steps double, times this (mean from {steps} to {steps * 2**EVERYWHERE:,}); "
                "0.5 smooth, 1 a jump",
            ),
            "largest_step": (distance.max(), pictures, f"of {steps} a leg; RMS of pixels, in levels of 255"),
            "mean_step": (distance.mean(), pictures, "the same, mean of all steps"),
        }
        if smoothness.features is not None:
            numbers["largest_step_features"] = (
                smoothness.features.max(),
                pictures,
                "the largest step in the discriminator's features; 0 the same, 1.41 nothing in common",
            )
        for name, (value, n, about) in numbers.items():
            if subject == WALK:
                metrics[name] = Metric(value, n=n, control=f"{name}_{NAME}", about=about)
            else:
                metrics[f"{name}_{NAME}"] = Metric(value, n=n, no_control=CONTROL, about=f"the {NAME}'s")
    return metrics


def _table(path: Path, found: dict[str, Smoothness]) -> Table:
    walk, control = found[WALK], found[NAME]
    rows = [
        [
            path.text(leg),
            walk.distance[leg].mean(),
            walk.distance[leg].max(),
            int(walk.distance[leg].argmax()) + 1,
            walk.kept[leg],
            bool(walk.jumps[leg]),
            control.kept[leg],
            bool(control.jumps[leg]),
        ]
        for leg in range(len(path))
    ]
    columns = [
        "leg", "mean step", "largest step", "which", "kept", "jumps", f"kept ({NAME})", f"jumps ({NAME})",
    ]  # fmt: skip
    return Table(
        columns,
        rows,
        f"Each leg: steps in levels of 255 (RMS), and what the largest keeps with {FINEST:,} times as many steps",
    )


def _figures(
    path: Path, found: dict[str, Smoothness], answers: dict[str, Answer], choices: Choices
) -> dict[str, Figure]:
    shown = {
        "walk": figures.grid(path, choices.steps),
        "animation": figures.animation(path, choices.steps, loop=choices.loop),
        "sharpest": figures.sharpest(path, found, answers, choices.steps),
        "doubling": figures.doubling(found, choices.steps),
        "distance": figures.distances(
            {name: smoothness.distance for name, smoothness in found.items()},
            path.passed,
            "step in pixels (RMS, levels of 255)",
            f"How far each picture is from the one before. The {NAME} stands still, then jumps.",
        ),
    }
    seen = {name: smoothness.features for name, smoothness in found.items() if smoothness.features is not None}
    if seen:
        shown["features"] = figures.distances(
            seen,
            path.passed,
            "step in the discriminator's features",
            "The same steps in what the discriminator makes of the pictures: length of the difference over length.",
        )
    return shown


def _arrays(found: dict[str, Smoothness], steps: int) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for subject, smoothness in found.items():
        ending = "" if subject == WALK else f"_{NAME}"
        arrays[f"distance{ending}"] = smoothness.distance
        arrays[f"largest{ending}"] = smoothness.largest
        if smoothness.features is not None:
            arrays[f"features{ending}"] = smoothness.features
    return arrays | {"steps": steps * 2 ** np.arange(found[WALK].largest.shape[1])}


def _notes(gan: Gan, features: Features, found: dict[str, Smoothness], choices: Choices) -> list[str]:
    way = "straight lines" if gan.prior.law != "normal" else "great circles, as the prior is normal"
    notes = [
        f"Points are joined by {way}. A jump keeps more than {JUMP:.0%} of the size of its leg's largest step "
        f"when steps are {FINEST:,} times as fine. A smooth change keeps about {1 / FINEST:.1%}; what keeps more than "
        f"{SMOOTH:.1%} and no more than {JUMP:.0%} is a small jump, or a change as steep as one.",
        f"The {NAME} knows the points and {choices.stored} other samples of this GAN, and shows the nearest in pixels.",
    ]
    if gan.discriminator is None:
        notes.append("The checkpoint has no discriminator, so that steps are measured in pixels alone.")
    elif not features:
        notes.append("No layer of the discriminator could be looked into, so that steps are measured in pixels alone.")
    else:
        notes.append(f"Features are those of the discriminator's layers {', '.join(features.layers)}, each the same.")
    if not found[NAME].jumps.all():
        still = int((~found[NAME].jumps).sum())
        notes.append(
            f"The {NAME} does not jump on {still} legs, whose ends look too much alike to tell; see the table."
        )
    return notes
