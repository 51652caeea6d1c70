"""Places in a numbered sequence of layers that nothing explains which was found of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from ganlab.recovery.decisions import Decision
from ganlab.recovery.discriminator_search import mean_error
from ganlab.recovery.simulate import Element
from ganlab.recovery.tables import places_between
from ganlab.recovery.witness import Testimony, can_testify, clearly_better
from ganlab.wording import counted

Elements = tuple[Element, ...]
Heard = Callable[[Elements], Sequence[Testimony]]  # what the norms say of a generator with these layers
WHAT = "border of its convolutions"


def reflected(elements: Elements, heard: Heard) -> tuple[Elements, Decision | None]:
    """With maps reflected at their borders before the convolutions that have a place to spare, where norms say so.

    Args:
        elements: of a generator.
        heard: what its norms say of its layers.

    Returns:
        The layers, and what was decided; None where no convolution has such a place, or a norm says it is another's.
    """
    spare = [place for place, _ in _spare(elements) if _keeps_side(elements[place])]
    if not spare:
        return elements, None
    others = _reflected_at(elements, spare)
    zeros, mirrors = heard(elements), heard(others)
    if clearly_better(mirrors, zeros):
        error, rival = mean_error(mirrors), mean_error(zeros)
        evidence = f"the numbers of its layers leave a place for it, and what its norms remember differs by {error:.3f}"
        return others, Decision(WHAT, "reflected", evidence, f"zeros: {rival:.3f}")
    if clearly_better(zeros, mirrors):
        return elements, None
    evidence = "a layer without weights stands before them, and nothing in the file tells which; the usual one"
    return elements, Decision(WHAT, "zeros", evidence, "reflected", certain=False)


def notes_of_places(elements: Elements, whose: str) -> list[str]:
    """A note where layers without weights are not accounted for, and no norm testifies that the network is right."""
    spare = sum(number for _, number in _spare(elements))
    if not spare or any(part is not None and part.kind == "norm" and can_testify(part) for _, part in elements):
        return []
    return [
        f"The numbers of the {whose}'s layers leave {counted(spare, 'place')} that nothing found here "
        "fills: of dropout, which is left out after training, or of layers without weights that it lacks now, such as "
        "norms without scale and shift. A --card that spells out its layers settles it."
    ]


def _spare(elements: Elements) -> list[tuple[int, int]]:
    """(place, number of layers that are not accounted for in front of it) of the layers with weights that have some."""
    found = []
    weighted = [place for place, (_, part) in enumerate(elements) if part is not None]
    for before, place in pairwise(weighted):
        one, other = elements[before][1], elements[place][1]
        assert one is not None
        assert other is not None
        known = [table for table, _ in elements[before + 1 : place] if table["kind"] != "identity"]
        places = places_between(one, other)
        if places is not None and places > len(known):
            found.append((place, places - len(known)))
    return found


def _keeps_side(element: Element) -> bool:
    """Whether it is a convolution of an odd kernel with zeros around its maps."""
    table, _ = element
    if table["kind"] != "conv" or table.get("stride", 1) != 1:
        return False
    kernel = table["kernel"][0]
    return kernel > 1 and kernel % 2 == 1 and bool(table.get("padding", 0) == kernel // 2)


def _reflected_at(elements: Elements, places: Sequence[int]) -> Elements:
    found: list[Element] = []
    for place, (table, part) in enumerate(elements):
        if place in places:
            found.append(({"kind": "pad", "sides": [table["padding"]] * 4, "mode": "reflect"}, None))
            found.append(({**table, "padding": 0}, part))
        else:
            found.append((table, part))
    return tuple(found)
