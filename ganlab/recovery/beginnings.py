"""What a generator is given: every law of z, and every way in which classes may join it."""

from __future__ import annotations

from ganlab.latents import Prior
from ganlab.recovery.chaining import Skeleton
from ganlab.recovery.hypotheses import Hypothesis
from ganlab.recovery.options import LAWS, Table, one_hot_classes
from ganlab.recovery.tables import joined_classes


def beginnings(skeleton: Skeleton, law: str | None, latents: int) -> list[Hypothesis]:
    """Hypotheses without layers.

    Args:
        skeleton: the generator's.
        law: of z, where it is known.
        latents: how many are drawn.
    """
    found = []
    for rank, name in enumerate([law] if law else LAWS):
        for join_rank, (words, table) in enumerate(_joins(skeleton)):
            inputs = skeleton.stages[0].inputs
            if table is None:
                found.append(Hypothesis({"z": name}, (), Prior(inputs, name).sample(latents, seed=0).z, rank=rank))
                continue
            z = Prior(inputs if table["join"] == "multiply" else inputs - table["dims"], name).sample(latents, seed=0).z
            elements = ((table, skeleton.embedding),)
            choices = {"z": name, "classes": words}
            joined = joined_classes(z, table, skeleton.embedding)
            found.append(Hypothesis(choices, elements, joined, len(elements), rank=rank + join_rank))
    return found


def _joins(skeleton: Skeleton) -> list[tuple[str, Table | None]]:
    """In words and as a layer's table: an embedding that the file holds, or perhaps one-hot classes, or none."""
    embedding, inputs = skeleton.embedding, skeleton.stages[0].inputs
    if embedding is not None:
        classes, dims = embedding.tensors["weight"].shape
        table = {"kind": "classes", "classes": classes, "dims": dims}
        joins = ("multiply",) if dims == inputs else ("after", "before")
        return [(f"embedded, {join}", table | {"join": join}) for join in joins]
    ways: list[tuple[str, Table | None]] = [("", None)]
    for classes in one_hot_classes(inputs):
        table = {"kind": "classes", "classes": classes, "dims": classes, "one_hot": True}
        ways += [(f"{classes} one-hot, {join}", table | {"join": join}) for join in ("after", "before")]
    return ways
