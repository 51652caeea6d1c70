"""The layers of one candidate for a discriminator, in the order in which they run."""

from __future__ import annotations

from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.discriminator_ways import Way
from ganlab.recovery.geometries import LINEAR, Geometry
from ganlab.recovery.options import ACTIVATIONS
from ganlab.recovery.orders import Stage
from ganlab.recovery.simulate import Element
from ganlab.recovery.tables import norm_table, places_between, weighted


def elements_of(skeleton: Skeleton, way: Way, activation: str, eps: float) -> tuple[Element, ...]:
    """The layers of one candidate, its last without activation: logits."""
    geometries = iter(way.geometries)
    elements = first_elements(skeleton, eps)
    for number, stage in enumerate(skeleton.stages):
        geometry = LINEAR if stage.kind == "linear" else next(geometries)
        elements += stage_elements(skeleton, number, geometry, activation, eps, way.pooled)
    return tuple(elements)


def first_elements(skeleton: Skeleton, eps: float) -> list[Element]:
    """The norms of the pictures themselves."""
    flat = skeleton.stages[0].kind == "linear"
    return [(norm_table(norm, eps, flat), norm) for norm in skeleton.first_norms]


def stage_elements(
    skeleton: Skeleton, number: int, geometry: Geometry, activation: str, eps: float, pooled: bool = False
) -> list[Element]:
    """A layer with weights and all that stands between it and the next.

    Args:
        skeleton: of the discriminator.
        number: of the layer.
        geometry: how it moves from side to side.
        activation: behind it, where its own is not stored.
        eps: of its norms, where theirs is not stored.
        pooled: whether the mean over all places is what makes features flat.
    """
    stages = skeleton.stages
    stage, before = stages[number], stages[number - 1] if number else None
    elements: list[Element] = []
    if stage.kind == "linear" and (before is None or before.kind != "linear"):
        elements.append(({"kind": "global_pool" if pooled else "flatten"}, None))
    elements += [(table, None) for table in geometry.before]
    elements.append((weighted(stage, geometry), stage.part))
    last = number + 1 == len(stages)
    return elements + _behind(stage, geometry, None if last else activation, eps)


def _behind(stage: Stage, geometry: Geometry, activation: str | None, eps: float) -> list[Element]:
    """Norms, activation and pooling of a layer, in the order that the numbers of a sequence tell, else norms first."""
    norms: list[Element] = [(norm_table(norm, eps, stage.kind == "linear"), norm) for norm in stage.norms]
    pools: list[Element] = [(table, None) for table in geometry.pools]
    if activation is None:
        return [*norms, *pools]
    act: Element = (ACTIVATIONS[activation] or {"kind": "identity"}, None)
    if stage.prelu is not None:
        act = ({"kind": "prelu", "slopes": len(stage.prelu.tensors["weight"])}, stage.prelu)
    before_norm = (places_between(stage.part, stage.norms[0]) or 0) if stage.norms else 0
    if before_norm > 1:
        return [act, *pools, *norms]
    return [act, *norms, *pools] if before_norm else [*norms, act, *pools]
