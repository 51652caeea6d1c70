"""An equation, step by step: its terms, its pictures, and how often it comes out right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ganlab import Exemplars, Gan, Labeler, Metric, Result, Table, counted, one_class

from . import figures
from .expression import Term, parse, written
from .meaning import Meaning, in_words, read
from .operands import Operand, check_known, chosen_by_people, fill_in
from .points import Space, combined_pixels
from .pool import FEWEST, Pool
from .success import COUNTS, Success, count_successes

FAR_OFF = 1.35  # a Y this much longer or shorter than a z of the prior is remarked on


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of :func:`ganlab_arithmetic.arithmetic`, which explains them."""

    expression: str
    exemplars_each: int
    noise: float
    rescale: bool
    clear: bool
    draws: int
    pool: int
    seed: int


@dataclass(frozen=True)
class Equation:
    """An expression with its exemplars, and what comes out of it.

    Attributes:
        signs: (terms,) +1 or -1.
        pictures: the exemplars' (k, c, h, w), term by term.
        means: (terms, dim) mean z.
        y: (dim,) their sum.
        pixels: (c, h, w), the same sum of the mean pictures.
    """

    operands: list[Operand]
    signs: torch.Tensor
    pictures: list[torch.Tensor]
    means: torch.Tensor
    y: torch.Tensor
    pixel_means: torch.Tensor
    pixels: torch.Tensor


def investigate(gan: Gan, exemplars: Exemplars | None, labeler: Labeler | None, choices: Choices) -> Result:
    """Run the arithmetic; see :func:`ganlab_arithmetic.arithmetic`."""
    terms = parse(choices.expression)
    groups = Exemplars.of(gan, exemplars)
    labeler = labeler or Labeler.of_checkpoint(gan)
    found = chosen_by_people(gan, terms, groups, choices.exemplars_each)
    label = one_class(gan, [operand.latents for operand in found.values()])
    meaning = None if labeler is None else read(labeler, terms)
    check_known(terms, found, groups, meaning, labeler)
    pool = None
    if labeler is not None and meaning is not None and (meaning.judged or len(found) < len(terms)):
        noise = choices.noise if choices.clear else 0.0
        pool = Pool(gan, labeler, gan.latents(choices.pool, seed=choices.seed, label=label), noise)
    operands, notes = fill_in(terms, found, meaning, pool, choices.exemplars_each)
    space = Space(gan, label, choices.rescale)
    equation = _solve(space, operands)
    result = _shown(space, equation, choices)
    result.notes += notes + _length_notes(space, equation)
    if labeler is None or meaning is None:
        result.notes.append(
            "No success rate is given: no labeler knows this GAN's pictures. "
            "Name one made for such pictures: --labeler NAME (docs/plugins.md says how to write one)."
        )
        return result
    _compare(space, equation, labeler, meaning, choices, result)
    result.notes += meaning.notes + labeler.cautions
    if pool is not None and meaning.judged:
        _rate(space, equation, pool, meaning, terms, choices, result)
    else:
        result.notes.append("No success rate is given: not every name says what its pictures show.")
    return result


def _solve(space: Space, operands: list[Operand]) -> Equation:
    """Means and sums, in Z and on pixels."""
    signs = torch.tensor([float(operand.term.sign) for operand in operands])
    pictures = [space.gan.generate(operand.latents) for operand in operands]
    means = space.scaled(torch.stack([operand.latents.z.mean(0) for operand in operands]))
    y = space.summed(signs, means[:, None])[0]
    pixel_means = torch.stack([images.mean(0) for images in pictures])
    pixels = combined_pixels(space.gan, signs, pixel_means)
    return Equation(operands, signs, pictures, means, y, pixel_means, pixels)


def _shown(space: Space, equation: Equation, choices: Choices) -> Result:
    """Figure 7, without judgement."""
    gan = space.gan
    points = space.around(equation.y, choices.noise, choices.seed)
    figure = figures.equation(
        gan,
        equation.operands,
        space.generate(equation.means),
        space.generate(points),
        equation.pixel_means,
        equation.pixels,
        choices.noise,
    )
    text = written([operand.term for operand in equation.operands])
    return Result(
        f"Y = {text} of {gan.name}, from {_counted(equation.operands)}: see the figure.",
        figures={"equation": figure},
        arrays={"y": equation.y.numpy(), "means": equation.means.numpy(), "around": points.numpy()},
    )


def _length_notes(space: Space, equation: Equation) -> list[str]:
    """Whether Y lies where the generator was trained."""
    ratio = float((equation.y - space.middle).norm()) / space.length
    if 1 / FAR_OFF <= ratio <= FAR_OFF:
        return []
    nearer = "" if ratio >= 1 else ", nearer to the average picture"
    return [
        f"Y is {ratio:.2f} times as far from the middle of the prior as a z that the GAN was trained on{nearer}; "
        "--rescale brings it to that distance."
    ]


def _compare(
    space: Space, equation: Equation, labeler: Labeler, meaning: Meaning, choices: Choices, result: Result
) -> None:
    """What the labeler sees in the exemplars and in the results, beside what the names say."""
    image = space.gan.image
    around = space.generate(space.around(equation.y, choices.noise, choices.seed))
    exemplars = [labeler.shows(images, image) for images in equation.pictures]
    near, pixels = labeler.shows(around, image), labeler.shows(equation.pixels[None], image)
    rows = []
    for column, concept in enumerate(labeler.concepts):
        shares = [f"{int(shows[:, column].sum())} of {len(shows)}" for shows in exemplars]
        results = [bool(near[4, column]), f"{int(near[:, column].sum())} of 9", bool(pixels[0, column])]
        rows.append([concept, *shares, meaning.wanted.get(concept), *results])
    for operand, shown, shows in zip(equation.operands, meaning.terms, exemplars, strict=True):
        columns = [labeler.column(concept) for concept in shown]
        wrong = int((shows[:, columns] != list(shown.values())).any(1).sum())
        if wrong:
            result.notes.append(
                f"The labeler disagrees with {wrong} of {len(shows)} exemplars of {operand.term.text!r}: "
                f"it should show {in_words(shown)}."
            )
    heads = [operand.term.text for operand in equation.operands]
    result.tables["attributes"] = Table(
        ["shows", *heads, "wanted", "G(Y)", "G(Y) and around", "on pixels"],
        rows,
        "What the labeler sees; wanted is what the names say of the result.",
    )


def _rate(
    space: Space,
    equation: Equation,
    pool: Pool,
    meaning: Meaning,
    terms: Sequence[Term],
    choices: Choices,
    result: Result,
) -> None:
    """Success over random draws of exemplars."""
    said = {term.text: shown for term, shown in zip(terms, meaning.terms, strict=True)}
    found = {name: pool.exemplars(shown) for name, shown in said.items()}
    scarce = min(found, key=lambda name: found[name].count)
    if found[scarce].count < FEWEST:
        result.notes.append(
            f"No success rate is given: only {found[scarce].count} of {len(pool.latents)} samples show what {scarce!r} "
            f"says, and random draws need {FEWEST}. Raise --pool."
        )
        return
    candidates = [found[term.text].rows for term in terms]
    success = count_successes(space, pool, equation.signs, meaning, candidates, COUNTS, choices.draws, choices.seed)
    wanted, by_chance = in_words(meaning.wanted), pool.chance(meaning.wanted)
    result.metrics |= _metrics(success, wanted, pool, meaning)
    result.figures["success"] = figures.success_rates(success, by_chance, wanted)
    result.figures["draws"] = figures.random_draws(space.gan, success, wanted)
    result.arrays |= {"hits": success.hits, "hits_pixels": success.pixel_hits}
    result.notes.append(
        f"Random exemplars come from {len(pool.latents)} samples; those that show what a name says: "
        + "; ".join(f"{name} ({in_words(shown)}) {found[name].in_words}" for name, shown in said.items())
        + "."
    )
    kind = "clear exemplars" if all(one.clear for one in found.values()) else "exemplars"
    most, one = success.hits[-1].mean(), success.hits[0].mean()
    result.summary = (
        f"{written(list(terms))} shows {wanted} in {most:.0%} of {choices.draws} random draws of {COUNTS[-1]} "
        f"{kind} ({one:.0%} with {COUNTS[0]}); on pixels in {success.pixel_hits[-1].mean():.0%}, "
        f"plain samples in {by_chance.mean():.0%}."
    )
    if success.passes is not None and success.pixel_passes is not None:
        result.arrays |= {"passes": success.passes, "passes_pixels": success.pixel_passes}
        result.summary += (
            f" As a picture that passes for a sample, by the discriminator, in {success.passes[-1].mean():.0%} and "
            f"on pixels in {success.pixel_passes[-1].mean():.0%}."
        )
    else:
        result.notes.append("Whether results pass for samples is not told: the GAN has no discriminator.")


def _metrics(success: Success, wanted: str, pool: Pool, meaning: Meaning) -> dict[str, Metric]:
    metrics: dict[str, Metric] = {}
    shares = zip(success.counts, success.shares(success.hits), success.shares(success.pixel_hits), strict=True)
    for count, in_z, on_pixels in shares:
        for name, share, control, how in (
            (f"success_{count}", in_z, f"success_{count}_pixels", "G(Y)"),
            (f"success_{count}_pixels", on_pixels, "plain_samples", "the same sum of pixels"),
        ):
            about = f"draws of {counted(count, 'exemplar')} a term in which {how} shows {wanted}"
            metrics[name] = replace(share, control=control, about=about)
    most = success.counts[-1]
    for name, passes, control, how in (
        (f"passes_{most}", success.passes, f"passes_{most}_pixels", "G(Y)"),
        (f"passes_{most}_pixels", success.pixel_passes, "plain_samples", "the same sum of pixels"),
    ):
        if passes is not None:
            about = (
                f"draws of {counted(most, 'exemplar')} a term in which {how} shows {wanted} and passes for a sample: "
                "the discriminator finds it more real than the least real 5% of plain samples"
            )
            metrics[name] = replace(success.share(passes[-1], most), control=control, about=about)
    metrics["plain_samples"] = Metric.of_share(
        pool.chance(meaning.wanted),
        no_control="it is the control",
        about=f"samples of the prior that show {wanted} anyway",
    )
    return metrics


def _counted(operands: Sequence[Operand]) -> str:
    counts = sorted({len(operand.latents) for operand in operands})
    if counts == [1]:
        return "one exemplar each"
    return f"{counts[0]} exemplars each" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} exemplars"
