"""Numbers with controls, and pictures, for directions in Z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ganlab import Figure, Gan, GanlabError, Latents, Metric, Result, Table, figures, progress

from .space import Space, activations_of, explained, find_space, moved, random_basis

STEPS = (-2, -1, 0, 1, 2)  # standard deviations
FRESH = 64  # samples, not among those decomposed, on which the steps are tried
DRAWS = 10  # random bases
IS_CONTROL = "it is the control"


@dataclass(frozen=True)
class Effect:
    """What steps along several directions do, one number a direction.

    Attributes:
        steering: how far a step of one standard deviation moves the layer along the component, in standard deviations.
        change: mean absolute change of the picture two standard deviations away, in grey levels of 255.
    """

    steering: np.ndarray
    change: np.ndarray


def report(gan: Gan, space: Space, *, first_fresh: int, shown: int, label: int | None, seed: int) -> Result:
    """Try the directions on fresh samples and beside controls.

    Args:
        first_fresh: index of the first sample that was not decomposed.
        shown: samples to show.
    """
    rng = np.random.default_rng(seed)
    k = len(space.basis)
    fresh = gan.latents(FRESH, seed=seed, first=first_fresh, label=label)
    activations = activations_of(gan, space.layer, fresh)
    share = explained(activations, space.basis)
    chance = [explained(activations, random_basis(activations.shape[1], k, rng)) for _ in range(DRAWS)]
    along = try_steps(gan, space, fresh, space.directions)
    random = try_steps(gan, space, fresh, _random_like(space.directions, rng))
    metrics = {
        "explained": _share(share, "explained_random", f"variance in {k} components"),
        "explained_random": _share(float(np.mean(chance)), None, f"mean of {DRAWS} random bases", chance),
        "steering": _across(along.steering, "steering_random", "sigma a step of one sigma moves the layer"),
        "steering_random": _across(random.steering, None, "the same, along random directions"),
        "change": _across(along.change, "change_random", "grey levels of 255 that change at 2 sigma"),
        "change_random": _across(random.change, None, "the same, along random directions"),
    }
    notes = ["Intervals of steering and change reach from the weakest direction to the strongest."]
    try:
        untrained = gan.alone("generator").untrained(seed)
    except GanlabError as error:
        notes.append(f"There is no untrained control: {error.message}")
    else:
        share_untrained = _own_share(untrained, space, first_fresh, label, seed)
        metrics["explained_untrained"] = _share(share_untrained, None, "its own components, before training")
    return Result(
        summary=f"{k} components of {space.layer} explain {share:.0%} of its variance ({np.mean(chance):.1%} for a "
        f"random basis); steps along them change the picture by {along.change.mean():.1f} grey levels "
        f"({random.change.mean():.1f} in random directions).",
        metrics=metrics,
        tables={"components": _table(space, activations, along, random)},
        figures=_figures(gan, space, shown, label, seed),
        arrays={"directions": space.directions, "sigma": space.sigma},
        notes=notes,
    )


def try_steps(gan: Gan, space: Space, latents: Latents, directions: np.ndarray) -> Effect:
    """Walk along each of ``directions`` (k, dim), and see what happens along the component of the same row."""
    far = STEPS[-1]
    _, before = _look(gan, space.layer, latents)
    steering, change = [], []
    for row, direction in enumerate(progress(directions, "trying directions")):
        up, pictures_up = _look(gan, space.layer, moved(latents, far * direction))
        down, pictures_down = _look(gan, space.layer, moved(latents, -far * direction))
        along = (space.coordinates(up) - space.coordinates(down))[:, row]
        steering.append(abs(float(along.mean())) / (2 * far))
        change.append(float(np.mean([np.abs(pictures - before).mean() for pictures in (pictures_up, pictures_down)])))
    return Effect(np.array(steering), np.array(change))


def _look(gan: Gan, layer: str, latents: Latents) -> tuple[np.ndarray, np.ndarray]:
    """A layer's activations (n, features), and the pictures (n, h, w, c) from 0 to 255, signed for differences."""
    with gan.record(layer) as recording:
        pictures = gan.image.to_uint8(gan.generate(latents)).astype(np.int16)
    return recording[layer].flatten(1).numpy(), pictures


def _random_like(directions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random directions of the same lengths."""
    random = rng.standard_normal(directions.shape)
    return random * (np.linalg.norm(directions, axis=1) / np.linalg.norm(random, axis=1))[:, None]


def _own_share(gan: Gan, space: Space, n: int, label: int | None, seed: int) -> float:
    """What as many components of its own explain in another GAN of the same layers."""
    own = find_space(gan, space.layer, len(space.basis), gan.latents(n, seed=seed, label=label))
    fresh = gan.latents(FRESH, seed=seed, first=n, label=label)
    return explained(activations_of(gan, space.layer, fresh), own.basis)


def _share(value: float, control: str | None, about: str, draws: list[float] | None = None) -> Metric:
    low, high = (min(draws), max(draws)) if draws else (None, None)
    return Metric(value, low, high, FRESH, control, None if control else IS_CONTROL, about)


def _across(values: np.ndarray, control: str | None, about: str) -> Metric:
    """Mean over the directions, and the range of them."""
    return Metric(values.mean(), values.min(), values.max(), FRESH, control, None if control else IS_CONTROL, about)


def _table(space: Space, activations: np.ndarray, along: Effect, random: Effect) -> Table:
    rows = []
    for i, component in enumerate(space.basis):
        share = explained(activations, component[None])
        numbers = (share, along.steering[i], random.steering[i], along.change[i], random.change[i])
        rows.append([i + 1, *(round(float(number), 4) for number in numbers)])
    columns = ["component", "explained", "steering", "steering, random", "change", "change, random"]
    return Table(columns, rows, "Each component, beside a random direction of the same length")


def _figures(gan: Gan, space: Space, shown: int, label: int | None, seed: int) -> dict[str, Figure]:
    drawn = {}
    for index in range(shown):
        latents = gan.latents(1, seed=seed, first=index, label=label)
        rows = {
            f"component {row + 1}": np.concatenate(
                [gan.image.to_uint8(gan.generate(moved(latents, step * direction))) for step in STEPS]
            )
            for row, direction in enumerate(space.directions)
        }
        columns = ", ".join(f"{step:+d}" if step else "0" for step in STEPS)
        sheet = figures.labelled_rows(rows, scale=max(1, 128 // gan.image.size), title=f"columns: {columns} sigma")
        words = f"Sample {index} of seed {seed}, {STEPS[0]} to {STEPS[-1]} standard deviations along each component."
        drawn[f"sample-{index}"] = Figure(sheet, words)
    return drawn
