"""The turn, step by step: exemplars, direction, samples along it, and what the labeler says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np
import torch

from ganlab import Exemplars, Gan, GanlabError, Labeler, Latents, Metric, Result, Table, one_class

from . import figures
from .chance import Whose, against_chance, shares
from .direction import Direction, by_attribute, fit_notes, halves_agree, random_directions
from .ends import Ends
from .judging import Judge
from .turning import Way, coefficients, walk

FRESH_FROM = 1_000_000  # turned samples begin at this index, far from exemplars and pool
PAPERS = 4  # exemplars at each end in the paper
CHOICES = 8  # of so many exemplars, each for an eighth of the samples
RANDOM = 10  # random directions, each for a tenth of the samples


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of :func:`ganlab_turn.turn`, which explains them."""

    first: str
    second: str
    by: str | None
    each: int
    clean: bool
    n: int
    steps: int
    reach: float
    pool: int
    seed: int


@dataclass(frozen=True)
class Target:
    """The attribute that is followed: its column in the judge's values; +1 where it rises towards the second end."""

    judge: Judge
    column: int
    sign: int
    spread: np.ndarray

    @property
    def name(self) -> str:
        return self.judge.attributes[self.column]

    @property
    def goes(self) -> str:
        """What it does towards the second end."""
        return "rises" if self.sign > 0 else "falls"

    @property
    def others(self) -> dict[str, int]:
        """All other attributes and their columns."""
        return {name: at for at, name in enumerate(self.judge.attributes) if at != self.column}


def investigate(gan: Gan, exemplars: Exemplars | None, labeler: Labeler | None, choices: Choices) -> Result:
    """Run the turn; see :func:`ganlab_turn.turn`."""
    if choices.steps % 2 == 0:
        raise GanlabError(f"--steps {choices.steps} has no middle.", "Choose an odd number, such as 9.")
    labeler = labeler or Labeler.of_checkpoint(gan)
    if choices.by and labeler is None:
        raise GanlabError(
            "--by needs a labeler that knows this GAN's pictures.",
            "Name one made for such pictures: --labeler NAME (docs/plugins.md says how to write one).",
        )
    judge = None if labeler is None else Judge(labeler)
    names = normalize("NFC", choices.first), normalize("NFC", choices.second)  # as the groups are called
    ends = Ends(gan, Exemplars.of(gan, exemplars), judge, names, choices.by)
    ends.check()
    chosen = ends.exemplars()
    label = one_class(gan, chosen or ())
    aim = ends.aim()
    directions: list[list[Direction]] = []  # that were chosen alike, each for a share of the samples
    notes: list[str] = []
    target = None
    if chosen is not None:
        first, second = (latents.z for latents in chosen)
        directions.append([Direction.between(f"groups, {len(first)} + {len(second)}", first, second)])
    if judge is not None and aim is not None:
        pool = gan.latents(choices.pool, seed=choices.seed, label=label)
        values = judge.of_latents(gan, pool)
        target = Target(judge, *aim, _spread(judge, values))
        for each, count in _wanted(choices.each).items():
            try:
                directions.append(by_attribute(judge, pool, values, *aim, each, count))
            except GanlabError as error:
                if chosen is None:
                    raise
                notes.append(f"The labeler's own choice is left out: {error.message} {error.hint}")
        if choices.clean:
            directions.insert(0, [directions[0][0].cleaned(pool, values, aim[0])])
            notes += fit_notes(pool)
    if not directions:
        raise ends.nothing_to_go_by()
    if choices.clean and target is None:
        raise GanlabError("--clean needs a labeler that measures what turns.", "Name the attribute: --by NAME.")
    fresh = gan.latents(choices.n, seed=choices.seed, first=FRESH_FROM, label=label)
    result = _shown(gan, directions[0][0], fresh, choices)
    result.notes += notes
    if target is None:
        result.notes.append(ends.why_unmeasured())
        return result
    result.notes += target.judge.labeler.cautions
    for place, alike in enumerate(directions):
        _measure(gan, target, alike, fresh, choices, result, main=place == 0)
    return result


def _wanted(each: int) -> dict[int, int]:
    """Exemplars at each end, and how many choices of so many: one of ``each``, and several of four among as many."""
    return {each: 1} | ({PAPERS: min(CHOICES, each // PAPERS)} if each > PAPERS else {})


def _spread(judge: Judge, values: np.ndarray) -> np.ndarray:
    """(attributes,) how far plain samples differ: 1 for a concept, the middle 90% for a measure."""
    low, high = np.quantile(values, [0.05, 0.95], axis=0)
    measured = [judge.is_measure(column) for column in range(values.shape[1])]
    return np.where(measured, np.maximum(high - low, 1e-12), 1.0)


def _shown(gan: Gan, direction: Direction, fresh: Latents, choices: Choices) -> Result:
    """Figure 8, and what can be said of the direction without a labeler."""
    t = coefficients(choices.steps, choices.reach)
    random = random_directions(gan, 1, direction.length, choices.seed)[0]
    ends = (choices.first, choices.second)
    agree = halves_agree(direction, choices.seed)
    summary = f"The direction from {ends[0]} to {ends[1]} in Z of {gan.name} has length {direction.length:.2f}"
    summary += f"; halves of its exemplars agree by a cosine of {agree['halves_agree'].value:.2f}." if agree else "."
    return Result(
        summary,
        metrics=agree,
        figures={"turn": figures.turned(gan, fresh, direction.vector, random, t, ends)},
        arrays={"direction": direction.vector.numpy(), "coefficients": t},
    )


def _measure(
    gan: Gan, target: Target, alike: list[Direction], fresh: Latents, choices: Choices, result: Result, *, main: bool
) -> None:
    """Numbers of directions chosen alike and of random ones as long; the main one's also as figures and table."""
    t = coefficients(choices.steps, choices.reach)
    n = len(fresh)
    whose = Whose(*(np.arange(n) * count // n for count in (len(alike), RANDOM)))
    vectors = torch.stack([direction.vector for direction in alike])[whose.chosen]
    random = random_directions(gan, RANDOM, 1.0, choices.seed)[whose.random] * vectors.norm(dim=1, keepdim=True)
    seen, seen_random = (Way(t, walk(gan, target.judge, fresh, one, t), target.spread) for one in (vectors, random))
    along, aside = (way.facing(target.column, target.sign) for way in (seen, seen_random))
    name = alike[0].name
    end = "" if main else f"_{name.replace(' + ', '_and_').replace(', ', '_')}"
    several = f"{len(alike)} choices of {name}" if len(alike) > 1 else ""
    result.metrics |= _metrics(target, along, aside, whose, end, several)
    length = float(np.mean([direction.length for direction in alike]))
    _add_rows(target, several or name, length, along, aside, whose, result)
    if not main:
        return
    for other, at in target.others.items():
        about = f"samples that keep {other} at every step"
        result.metrics |= shares(f"kept_{other}", along.kept(at), aside.kept(at), whose, about)
    result.arrays |= {"values": seen.values, "values_random": seen_random.values}
    result.figures["curve"] = figures.attribute_curve(seen, seen_random, whose, target)
    if target.others:
        result.figures["kept"] = figures.kept(
            {
                name: {other: result.metrics[f"kept_{other}{suffix}"] for other in target.others}
                for name, suffix in (("the turn", ""), ("random directions", "_random"))
            }
        )
    value = {name: metric.value for name, metric in result.metrics.items()}
    result.summary = (
        f"From {choices.first} to {choices.second} ({name}), {target.name} {target.goes} steadily in "
        f"{value['steady']:.0%} of {n} samples ({value['steady_random']:.0%} in random directions), by "
        f"{value['travel']:.2f} of its spread on average ({value['travel_random']:.2f})"
    )
    if target.others:
        others = next(iter(target.others)) if len(target.others) == 1 else f"all {len(target.others)} other attributes"
        result.summary += f"; {value['kept_all']:.0%} keep {others} ({value['kept_all_random']:.0%})"
    result.summary += "."


def _metrics(target: Target, along: Way, aside: Way, whose: Whose, end: str, several: str) -> dict[str, Metric]:
    """Every number with the same for random directions.

    Args:
        end: added to the names.
        several: which choices they are, where there are several.
    """
    shared = f", for {several}, each turning its share of the samples" if several else ""
    column, name = target.column, target.name
    facing = name if target.sign > 0 else f"minus {name}"
    others = list(target.others.values())
    metrics = shares(
        f"steady{end}",
        along.steady(column),
        aside.steady(column, either=True),
        whose,
        f"samples whose {name} {target.goes} from end to end by half its spread and never goes back{shared}",
        "rising or falling",
    )
    numbers, by_chance = along.numbers_of_each(column, whose.chosen), aside.numbers_by_chance(column, whose.random)
    for measure, most, about in (
        ("correlation", 1, f"Pearson's of {facing} with the coefficient along each sample's way, the mean"),
        (
            "correlation_all",
            1,
            f"Pearson's of {facing} over all samples and steps together, where samples differ from each other as well",
        ),
        ("travel", math.inf, f"how far {name} {target.goes} from end to end, in spreads of plain samples"),
    ):
        metrics |= against_chance(
            f"{measure}{end}", numbers[measure], by_chance[measure], len(along.values), most, f"{about}{shared}"
        )
    if others:
        metrics |= shares(
            f"kept_all{end}",
            np.all([along.kept(at) for at in others], axis=0),
            np.all([aside.kept(at) for at in others], axis=0),
            whose,
            f"samples that keep every other attribute at every step{shared}",
        )
    return metrics


def _add_rows(
    target: Target, exemplars: str, length: float, along: Way, aside: Way, whose: Whose, result: Result
) -> None:
    """Two lines in the table of directions: the mean of those that were chosen alike, and of random ones as long."""
    table = result.tables.setdefault(
        "directions",
        Table(
            ["exemplars", "length", "steady", "travel", "Pearson", "Pearson, all", "Spearman, all"]
            + [f"{other} kept" for other in target.others],
            [],
            "Each way to choose the exemplars, and random directions of the same length, whose numbers have no sign. "
            "Of several choices: the means, each choice turning its share of the samples.",
        ),
    )
    column = target.column
    numbers, by_chance = along.numbers_of_each(column, whose.chosen), aside.numbers_by_chance(column, whose.random)
    for name, way, each, either in ((exemplars, along, numbers, False), ("random", aside, by_chance, True)):
        means = [float(values.mean()) for values in each.values()]
        table.rows.append(
            [name, length, float(way.steady(column, either=either).mean()), *means]
            + [float(way.kept(at).mean()) for at in target.others.values()]
        )
