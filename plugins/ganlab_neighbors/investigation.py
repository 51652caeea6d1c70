"""The whole investigation: search, test, controls, and what it says in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Directions, Gan, GanlabError, Images, Latents, Nearest, Result, Twins, check_apart, shell_word

from . import report
from .found import Asked, Found
from .membership import Pool, compare
from .sets import Role, Sets, draw_rows, draw_sets
from .spaces import Features, Pixels, Shifted, Space

K = 8  # neighbours kept of each set: enough to tell both sets' nearest after any exchange but one in a hundred
SAMPLE = 1024  # training pictures that directions and scales are taken from
COPIED = 10  # one in so many of the planted copier's pictures is a copy
FEWEST_LEFT_OUT = 2  # pictures of the control
NOISE = 8.0  # levels by which a planted copy differs
PLAIN: dict[str, Callable[[Gan], Space]] = {"pixels": Pixels, "shifted": Shifted}
NAMES = (*PLAIN, "features")


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of the command."""

    n: int
    spaces: tuple[str, ...]
    shown: int
    skip_broken: bool
    seed: int


def investigate(gan: Gan, data: Images, heldout: Images | None, choices: Choices) -> Result:
    """Run it."""
    sets = draw_sets(data, heldout, gan.image, choices.n, choices.seed, choices.skip_broken)
    sample_rows = draw_rows(sets.training.rows(Role.TRAINING, Role.TESTED), SAMPLE, choices.seed, "sample")
    sample, _ = sets.pick(sets.training, sample_rows, "reading a sample")
    spaces, notes = _spaces(gan, choices.spaces, sample)
    latents = gan.latents_in_turn(choices.n, seed=choices.seed)
    asked = _asked(gan, sets, latents, choices.seed)
    found, twice = _search(sets, spaces, asked, sample)
    asked = _without(asked, twice, data)
    answers = compare({one.space.name: one.pool for one in found}, asked.groups, choices.seed)
    return Result(
        report.sentence(gan, answers, sets.split),
        report.metrics(found, asked, answers),
        {"closest": report.closest(sets, found, asked, latents)},
        report.pictures(sets, found, asked, answers, choices.shown),
        report.arrays(found, asked),
        notes=report.notes(gan, sets, len(twice)) + notes,
    )


def _spaces(gan: Gan, wanted: Sequence[str], sample: np.ndarray) -> tuple[list[Space], list[str]]:
    """The spaces asked for, and a note where one is left out because the GAN does not allow it."""
    spaces: list[Space] = []
    for name in [name for name in NAMES if name in (wanted or NAMES)]:
        if name == "features" and gan.discriminator is None and not wanted:
            return spaces, ["Features were left out: this checkpoint has no discriminator."]
        if name == "features" and gan.conditional_discriminator and gan.label is None and not wanted:
            return spaces, ["Features were left out: this discriminator is told one class, which --label chooses."]
        spaces.append(Features(gan, sample) if name == "features" else PLAIN[name](gan))
    return spaces, []


def _asked(gan: Gan, sets: Sets, latents: Latents, seed: int) -> Asked:
    samples = gan.image.to_uint8(gan.generate(latents))
    left_out, _ = sets.pick(sets.training, sets.training.rows(Role.LEFT_OUT), "reading left-out pictures")
    many = max(1, len(samples) // COPIED)
    rows = draw_rows(sets.training.rows(Role.TRAINING, Role.TESTED), many, seed, "copied")
    originals, _ = sets.pick(sets.training, rows, "reading pictures to copy")
    if len(left_out) < FEWEST_LEFT_OUT or not len(originals):
        raise GanlabError("Too few training pictures can be read.", "Look at the data.")
    copies = originals[np.arange(many) % len(originals)]  # where there are fewer, some are copied more than once
    noise = np.random.default_rng([seed, 802]).normal(0, NOISE, copies.shape)
    copies = np.clip(np.rint(copies + noise), 0, 255).astype(np.uint8)
    begin, end = len(samples), len(samples) + len(left_out)
    pictures = np.concatenate([samples, left_out, copies])
    return Asked(pictures, slice(0, begin), np.arange(begin, end), slice(end, len(pictures)))


def _without(asked: Asked, twice: np.ndarray, data: Images) -> Asked:
    """Without the left-out pictures that are searched after all, since DATA holds them once more: their twins are
    nearest to them, and would look as though the held-out pictures were of another kind."""
    left_out = np.setdiff1d(asked.left_out, twice)
    if len(left_out) < FEWEST_LEFT_OUT:
        raise GanlabError(
            f"{data.spec} holds nearly every picture more than once: {len(twice)} of {len(asked.left_out)} drawn to be "
            "left out are there again, so that there is no control.",
            f"Give each picture once: `ganlab dedup {shell_word(data.spec)}` lists what to keep.",
        )
    return replace(asked, left_out=left_out)


def _search(sets: Sets, spaces: list[Space], asked: Asked, sample: np.ndarray) -> tuple[list[Found], np.ndarray]:
    """Read every picture once and search it in all spaces; and which left-out pictures are there once more, as rows
    of what is asked."""
    left_out, twice = Twins(), list[int]()
    left_out.remember(asked.pictures[asked.left_out], asked.left_out)
    searches = []
    for space in spaces:
        tested = Nearest(space.queries(asked.pictures), K, Directions(space.candidates(sample)))
        searches.append({Role.TESTED: tested, Role.TRAINING: tested.again(), Role.HELDOUT: tested.again()})
    counts = dict.fromkeys(Role, 0)
    heldout = Twins()
    for source in reversed(sets.sources):  # held-out pictures first: those that are in both sets are found early
        what = "searching held-out pictures" if source is not sets.training else f"searching {source.images.spec}"
        for pictures, rows in sets.blocks(source, what):
            roles = source.roles[rows]
            if not sets.split:
                _check_apart(sets, heldout, source, pictures, rows)
            if source is sets.training:
                others = roles != Role.LEFT_OUT
                twice += [one for one, _ in left_out.find(pictures[others], rows[others])]
            for role in (Role.TESTED, Role.TRAINING, Role.HELDOUT):
                counts[role] += int((roles == role).sum())
            for space, search in zip(spaces, searches, strict=True):
                vectors = space.candidates(pictures)
                for role, nearest in search.items():
                    mine = roles == role
                    nearest.update(vectors[torch.from_numpy(mine)], rows[mine])
    if min(counts[Role.TESTED], counts[Role.HELDOUT]) < K:
        raise GanlabError("Too few pictures can be read.", "Look at the data.")
    found = [_found(space, search, counts) for space, search in zip(spaces, searches, strict=True)]
    return found, np.array(twice, np.int64)


def _check_apart(sets: Sets, heldout: Twins, source: object, pictures: np.ndarray, rows: np.ndarray) -> None:
    """Refuse held-out pictures that the GAN was trained on, even a single one: it would hide a copy."""
    if source is sets.heldout:
        heldout.remember(pictures, rows)
        return
    twins, held = heldout.find(pictures, rows), len(sets.heldout.rows(Role.HELDOUT))
    check_apart(sets.training.images, sets.heldout.images, twins, held, "held-out pictures", most=0)


def _found(space: Space, search: dict[Role, Nearest], counts: dict[Role, int]) -> Found:
    tested, rest, held = (search[role] for role in (Role.TESTED, Role.TRAINING, Role.HELDOUT))
    nearer = rest.squared[:, 0] < tested.squared[:, 0]
    squared = np.where(nearer, rest.squared[:, 0], tested.squared[:, 0])
    return Found(
        space,
        space.scaled(np.sqrt(squared)),
        space.scaled(held.distances()[:, 0]),
        np.where(nearer, rest.ids[:, 0], tested.ids[:, 0]),
        held.ids[:, 0],
        Pool.of(
            (tested.distances(), tested.ids, counts[Role.TESTED]),
            (held.distances(), held.ids, counts[Role.HELDOUT]),
        ),
    )
