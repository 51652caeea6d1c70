"""The findings as a sentence, numbers with their controls, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ganlab import Figure, Gan, Images, Latents, Metric, Table, counted, few, shell_word, trained_on

from . import figures
from .found import Asked, Found
from .membership import ALPHA, LEFT_OUT, Answer
from .sets import Sets

LISTED = 10  # pairs in the table, of each space


def sentence(gan: Gan, answers: Mapping[str, Answer], split: bool) -> str:
    """The answer in words; ``split``: held-out pictures are a part of DATA, on which the GAN may have been trained."""
    samples, left_out, copier = (answers[name] for name in ("samples", LEFT_OUT, "copier"))
    ps = samples.p_both if samples.alarm else samples.p_of
    space = min(ps, key=lambda name: ps[name])
    nearer = samples.p_of[space] < ALPHA
    nearest = f"{100 * samples.nearer[space]:.1f}% are nearest to a training picture in {space}"
    nearest += f", p = {samples.p_of[space]:.2g}"
    if nearer:
        nearest += f"; beside left-out training pictures p = {samples.p_against_of[space]:.2g}"
    if left_out.unlike:
        return (
            f"No answer about {gan.name}: the held-out pictures are of another kind than the training pictures. "
            f"{_difference(left_out)} So what its samples are near to ({nearest}) says nothing."
        )
    if samples.alarm:
        return (
            f"{gan.name} copies: its samples are nearer to the pictures of DATA than to equally many held-out ones, "
            f"and more so than those of DATA that were left out ({nearest}): chance does either once in a hundred "
            "times at most."
        )
    if not copier.alarm:
        return (
            f"No answer about {gan.name}: no sign that it copies ({nearest}), but one copy in ten would have gone "
            f"unnoticed as well (p = {copier.p_copies:.2g}): samples, training or held-out pictures are too few, or "
            "pictures too alike."
        )
    if split:
        return (
            f"No sign that {gan.name} copies one half of DATA more than the other ({nearest}); whether it copies both "
            "only pictures that it was not trained on can tell, as --heldout."
        )
    than = "to the pictures of DATA than to equally many held-out ones"
    finding = f"no nearer {than} ({nearest})"
    if nearer:
        finding = f"nearer {than}, but no more so than those of DATA that were left out ({nearest})"
        finding += ", so that the two sets may merely differ a little"
    return (
        f"No sign that {gan.name} copies: its samples are {finding}; one copy in ten would have been noticed "
        f"(p = {copier.p_copies:.2g})."
    )


def _difference(left_out: Answer) -> str:
    """In which way the two sets are of different kinds, and what to do."""
    if left_out.p < left_out.p_farther:
        return (
            f"Training pictures that were left out are nearer to the others than to them (p = {left_out.p:.2g}): they "
            "show something else, or were prepared in another way; or DATA holds many pictures more than once, nearly "
            "equal, which `ganlab dedup` finds."
        )
    return (
        f"Training pictures that were left out are nearer to them than to the others (p = {left_out.p_farther:.2g}): "
        "they are softer, smoother or paler, as after scaling or compressing once more, which would hide copies. "
        "Prepare both sets in the same way."
    )


def metrics(found: list[Found], asked: Asked, answers: Mapping[str, Answer]) -> dict[str, Metric]:
    """The numbers, each beside the same one of left-out training pictures."""
    samples, left_out, copier = (answers[name] for name in ("samples", LEFT_OUT, "copier"))
    n, m = len(asked.pictures[asked.samples]), len(asked.pictures[asked.left_out])
    pool = found[0].pool
    control = "it is the control: training pictures that are left out of the set cannot be copies"
    made = {
        "p": Metric(
            samples.p,
            n=n,
            control="p_left_out",
            about=f"how often exchanging the sets at random brings samples as near to training; copies: below {ALPHA}",
        ),
        "p_against_left_out": Metric(
            samples.p_against,
            n=n,
            control="p_copier",
            about="how often exchanging brings samples nearer than left-out training pictures by as much; copies: "
            f"below {ALPHA} too, in the same space",
        ),
        "p_left_out": Metric(
            left_out.p, n=m, no_control=control, about=f"the same; below {ALPHA / 2}: the sets are not alike"
        ),
        "p_left_out_farther": Metric(
            left_out.p_farther,
            n=m,
            no_control=control,
            about=f"how often exchanging brings them as far from training; below {ALPHA / 2}: the sets are not alike",
        ),
        "p_copier": Metric(
            copier.p_copies,
            n=n,
            control="p_left_out",
            about="the larger of both p of a copier: one in ten of the samples replaced by a slightly changed training "
            f"picture; below {ALPHA}: it is noticed",
        ),
        "tested": Metric(
            pool.training,
            no_control="a count",
            about=f"training pictures in the test, beside {pool.heldout} held-out ones",
        ),
    }
    for one in found:
        name = one.space.name
        made |= {
            f"p_{name}": Metric(
                samples.p_of[name],
                n=n,
                control=f"p_{name}_left_out",
                about=f"of {one.space.title}, corrected for the number of spaces",
            ),
            f"p_{name}_left_out": Metric(left_out.p_of[name], n=m, no_control=control),
            f"p_{name}_against_left_out": Metric(
                samples.p_against_of[name],
                n=n,
                no_control="the control is in it: left-out training pictures",
                about=f"of {one.space.title}, corrected as well",
            ),
            f"nearer_{name}": Metric(
                samples.nearer[name],
                n=n,
                control=f"nearer_{name}_left_out",
                about="share of samples nearest to a training picture, of equally many of both; ties count half",
            ),
            f"nearer_{name}_left_out": Metric(left_out.nearer[name], n=m, no_control=control),
            f"closest_{name}": Metric(
                one.ratio(asked.samples).min(),
                n=n,
                control=f"closest_{name}_left_out",
                about="smallest ratio of the distances to any training picture and to a held-out one; 0 is a copy",
            ),
            f"closest_{name}_left_out": Metric(one.ratio(asked.left_out).min(), n=m, no_control=control),
        }
    return made


def closest(sets: Sets, found: list[Found], asked: Asked, latents: Latents) -> Table:
    """The closest pairs by name."""
    rows: list[list[object]] = []
    own, held = sets.training.images, sets.heldout.images
    for one in found:
        ratios = one.ratio(asked.samples)
        for row in one.order(asked.samples)[:LISTED]:
            pair = [one.near[row], own.name(one.training[row]), one.far[row], held.name(one.heldout[row])]
            name = f"{latents.seed}:{int(latents.index[row])}"
            rows.append([one.space.name, name, ratios[row], *pair])
    columns = ["space", "sample", "ratio"]
    columns += ["distance to training", "nearest training picture", "distance to held-out", "nearest held-out"]
    units = "; ".join(f"{one.space.name}: {one.space.unit}" for one in found)
    return Table(columns, rows, f"The samples closest to a training picture, by ratio. Distances in {units}.")


def pictures(
    sets: Sets, found: list[Found], asked: Asked, answers: Mapping[str, Answer], shown: int
) -> dict[str, Figure]:
    """Pairs, and how close the samples are, for each space."""
    made: dict[str, Figure] = {}
    for one in found:
        rows = one.order(asked.samples)[:shown]
        own = [_picture(sets, True, int(one.training[row])) for row in rows]
        held = [_picture(sets, False, int(one.heldout[row])) for row in rows]
        tiles = {
            "generated": asked.pictures[asked.samples][rows],
            "nearest training": np.stack(own),
            "nearest held-out": np.stack(held),
        }
        space = one.space
        made[f"pairs-{space.name}"] = figures.pairs(space.title, space.unit, tiles, one.near[rows], one.far[rows])
    for one in found:
        name = one.space.name
        of = {kind: answer.closeness[name] for kind, answer in answers.items()}
        kinds = {
            "samples": of["samples"],
            "left-out training pictures": of[LEFT_OUT],
            "planted copies": of["copier"][: asked.copies.stop - asked.copies.start],
        }
        made[f"closeness-{name}"] = figures.spread(one.space.title, kinds)
    return made


def arrays(found: list[Found], asked: Asked) -> dict[str, np.ndarray]:
    """Rows and distances of every sample's nearest pictures."""
    made: dict[str, np.ndarray] = {}
    for one in found:
        kept = {"training": one.training, "training-distance": one.near}
        kept |= {"heldout": one.heldout, "heldout-distance": one.far}
        made |= {f"{one.space.name}-{name}": values[asked.samples] for name, values in kept.items()}
    return made


def notes(gan: Gan, sets: Sets, twice: int) -> list[str]:
    """What the reader has to know of the sets; ``twice``: left-out pictures that DATA holds once more."""
    made = _training_set(gan, sets.training.images)
    if twice:
        made.append(
            f"DATA holds pictures more than once: {counted(twice, 'picture')} of those drawn to be left out "
            f"{'is' if twice == 1 else 'are'} there again and not in the control. What a GAN was shown more often it "
            f"copies more easily: `ganlab dedup {shell_word(sets.training.images.spec)}` finds such pictures, also "
            "where they are not equal pixel by pixel."
        )
    if sets.split:
        made.append(
            "No held-out pictures were given: a random half of DATA stands for them. If the GAN was trained on that "
            "half too, what it copies from there weighs against what it copies from the other, and no alarm says "
            "little: give --heldout."
        )
    if sets.broken:
        named = few((f"{name} ({reason})" for name, reason in sets.broken.items()), 3)
        made.append(f"Could not be read and left out: {counted(len(sets.broken), 'picture')}, {named}.")
    return made


def _training_set(gan: Gan, data: Images) -> list[str]:
    """A note where DATA may be something else than what the GAN was trained on: of other pictures it has no copies."""
    facts = gan.card.facts.get("training")
    named = facts.get("data") if isinstance(facts, Mapping) else None
    same = trained_on(gan, data)
    if same or (same is None and named == data.spec):
        return []
    if same is False:
        said = "" if named is None else f", which names {named}"
        return [
            f"DATA is not all that {gan.name} was trained on, by the digest of it on its card{said}: it may be a part "
            "of that, or other pictures. Of pictures that are not in DATA nothing is said."
        ]
    if named is None:
        return [f"The card of {gan.name} does not say what it was trained on: that this is DATA is taken for granted."]
    return [f"The card of {gan.name} names {named} as what it was trained on; whether that is DATA was not checked."]


def _picture(sets: Sets, training: bool, row: int) -> np.ndarray:
    source = sets.training if training else sets.heldout
    return source.images.array(row, sets.image.size, sets.image.channels)
