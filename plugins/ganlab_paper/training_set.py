"""The pictures that a GAN was trained on, as its card names them, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganlab import Gan, GanlabError, Images, packed_fingerprint

DECODED = 5000  # pictures at most that are decoded to compare them: seconds
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
    same = _same(gan, images, facts)
    if same is False:
        return TrainingSet(missing=f"what its card names, {images.source}, holds other pictures now; {ASK}")
    taken = f"the {len(images):,} pictures of {images.source} are taken for those that it was trained on"
    return TrainingSet(images, note="" if same else f"{taken}, as its card names them; they were not compared.")


def _same(gan: Gan, images: Images, facts: Mapping[str, Any]) -> bool | None:
    """Whether these are the pictures that it was trained on; None where that would take long, or no card tells."""
    if "fingerprint" not in facts:
        return None
    size, channels, labelled = gan.image.size, gan.image.channels, gan.classes is not None
    try:
        found = packed_fingerprint(images, size, channels, labelled=labelled, most=DECODED)
    except GanlabError:  # no classes, as other pictures have none
        return False
    return None if found is None else found == facts["fingerprint"]
