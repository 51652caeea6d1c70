"""Which investigations make up the page, and how their results become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ganlab import Analysis, Gan, GanlabError, Images, Result, Section, progress

from .marks import Marks
from .training_set import TrainingSet, own_data

# section 6.3.2 and figure 7
PUBLISHED = ("smiling_woman - neutral_woman + neutral_man", "man_with_glasses - man + woman")


@dataclass(frozen=True)
class Part:
    """One investigation of the page.

    Attributes:
        key: begins the names of its numbers and figures.
        title: what a reader calls it.
        command: the analysis, by its command.
        options: of that analysis.
        missing: why it cannot be run, where that is known beforehand.
        note: what is to be said where it is run.
        beyond: whether the paper has nothing of the kind.
    """

    key: str
    title: str
    command: str
    options: Mapping[str, Any] = field(default_factory=dict)
    missing: str = ""
    note: str = ""
    beyond: bool = False


def all_parts(
    gan: Gan,
    data: Images | None,
    heldout: Images | None,
    concept: str | None,
    expressions: Sequence[str] | None,
    turn: tuple[str, str],
    limit: int,
    seed: int,
    marks: Marks,
    skip_broken: bool = False,
) -> list[Part]:
    """The page's parts in the order of the paper."""
    known = own_data(gan) if data is None else TrainingSet(data)
    shown = None if known.images is None else known.images.first(limit)
    reading = {"skip_broken": skip_broken, "seed": seed}
    concept = concept or marks.concept()
    no_concept = (
        "" if concept else "neither boxes nor a labeler say where what lies; `ganlab mark` draws boxes for --boxes"
    )
    no_groups = "" if marks.know_groups() else "it comes without exemplars; `ganlab mark` chooses them for --exemplars"
    parts = [
        Part("walk", "figure 4: walking in Z", "walk", {"seed": seed}),
        Part(
            "features",
            "figure 5: what the discriminator sees",
            "features",
            {"data": shown, **reading},
            known.missing,
            known.note,
        ),
        Part(
            "probe",
            "figure 6: forgetting a concept",
            "probe",
            {"concept": concept, "drop": True, "seed": seed},
            no_concept,
        ),
    ]
    for number, expression in enumerate(expressions or PUBLISHED, 1):
        options = {"expression": expression, "seed": seed}
        missing = "" if expressions else no_groups
        parts.append(Part(f"arithmetic_{number}", f"figure 7: {expression}", "arithmetic", options, missing))
    first, second = turn
    options = {"first": first, "second": second, "seed": seed}
    missing = "" if ":" in first and ":" in second else no_groups
    parts.append(Part("turn", f"figure 8: turning from {first} to {second}", "turn", options, missing))
    if heldout is not None:
        options = {"data": known.images, "heldout": heldout, **reading}
        title = "nearest neighbours"
        parts.append(Part("neighbors", title, "neighbors", options, known.missing, known.note, beyond=True))
    parts = [replace(part, options={**part.options, **marks.options(part.command)}) for part in parts]
    if gan.generator is None:
        return [part if part.command == "features" else replace(part, missing="it has no generator") for part in parts]
    return parts


def on_one_page(gan: Gan, parts: Sequence[Part]) -> Result:
    """Run every part that can be run, and join what they found.

    Raises:
        GanlabError: the GAN needs a class to draw, or none can be run.
    """
    if gan.generator is not None:
        gan.latents(1)  # refuses a conditional GAN that is told no class
    page = Result("")
    run: list[Part] = []
    noted: dict[str, list[str]] = {}
    for part in progress(parts, "the paper's figures"):
        found = _run(gan, part)
        if isinstance(found, Result):
            run.append(part)
            add(page, part, found)
            for note in filter(None, (part.note, *found.notes)):
                noted.setdefault(note, []).append(part.title)
        else:
            page.sections.append(Section(_heading(part), _capital(found)))
    if not run:
        reasons = " ".join(dict.fromkeys(section.summary for section in page.sections))
        raise GanlabError(f"None of the paper's figures could be made of {gan.name!r}.", reasons)
    page.summary = _summary(gan, parts, run)
    page.notes = [f"{_capital('; '.join(titles))}: {note}" for note, titles in noted.items()]  # each once
    return page


def _run(gan: Gan, part: Part) -> Result | str:
    """What a part found, or in words why nothing, with what to do about it; the other parts need not suffer."""
    if part.missing:
        return f"not run: {part.missing}."
    try:
        return Analysis.from_spec(part.command)(gan, **part.options)
    except GanlabError as error:
        return f"not run: {error.message} {error.hint}".strip()
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return f"crashed: {what}; `ganlab {part.command} --traceback` shows where."


def _summary(gan: Gan, parts: Sequence[Part], run: Sequence[Part]) -> str:
    """How many of the paper's investigations were run, and what else."""
    papers = sum(not part.beyond for part in parts)
    more = ", ".join(part.title for part in run if part.beyond)
    done = sum(not part.beyond for part in run)
    were = "was" if done == 1 else "were"
    words = f"{done} of {papers} of the paper's investigations {were} run on {gan.name}"
    return f"{words}, and beyond the paper: {more}." if more else f"{words}."


def add(page: Result, part: Part, found: Result) -> None:
    """Put one result onto the page as a section, but for its notes; its names begin with the part's key."""

    def named(name: str) -> str:
        return f"{part.key}_{name}"

    for name, metric in found.metrics.items():
        control = named(metric.control) if metric.control else metric.control
        page.metrics[named(name)] = replace(metric, control=control)
    page.figures |= {named(name): figure for name, figure in found.figures.items()}
    page.sections.append(Section(_heading(part), found.summary, [named(name) for name in found.figures]))
    page.tables |= {named(name): table for name, table in found.tables.items()}
    page.arrays |= {named(name): array for name, array in found.arrays.items()}


def _heading(part: Part) -> str:
    return f"{_capital(part.title)} ({part.command})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
