"""The pictures that a GAN was trained on, as its card names them, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ganlab import Gan, GanlabError, Images, trained_on

ASK = "give DATA with --data"


@dataclass(frozen=True)
class TrainingSet:
    """What is known of it.

    Attributes:
        images: the pictures, None where they are not at hand.
        missing: why not, and what to do.
        note: what was taken for granted.
    """

    images: Images | None = None
    missing: str = ""
    note: str = ""


def own_data(gan: Gan) -> TrainingSet:
    """The pictures that the card names, as far as they are the same ones as then."""
    facts = gan.card.facts.get("training")
    facts = facts if isinstance(facts, Mapping) else {}
    if "keep" in facts:
        chosen = f"it was trained on those pictures of {facts.get('data')} that {facts['keep']} names"
        return TrainingSet(missing=f"{chosen}; {ASK}")
    try:
        images = Images.from_spec(str(facts["data"]))
        images = images.first(int(facts["limit"])) if "limit" in facts else images
    except (GanlabError, LookupError, TypeError, ValueError):
        return TrainingSet(missing=f"its card names no data set that is at hand; {ASK}")
    same = trained_on(gan, images)
    if same is False:
        return TrainingSet(missing=f"what its card names, {images.source}, holds other pictures now; {ASK}")
    taken = f"the {len(images):,} pictures of {images.source} are taken for those that it was trained on"
    return TrainingSet(images, note="" if same else f"{taken}, as its card names them; they were not compared.")
