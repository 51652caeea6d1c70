"""Whether pictures are those that a GAN was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from ganlab.data import Images
    from ganlab.gan import Gan

DECODED = 5000  # pictures at most that are decoded to compare them: seconds


def trained_on(gan: Gan, images: Images) -> bool | None:
    """Whether a GAN was trained on just these pictures, by the digest of their pixels that its card holds.

    Args:
        images: of any size; what training would make of them is compared, and their classes for a conditional GAN.

    Returns:
        None where nobody can tell: the card holds no digest, or one of pictures that another version cut and scaled
        otherwise, the GAN was told classes and the pictures have none, or there are more than 5,000 pictures, which
        `ganlab train` has not packed on this machine.

    Raises:
        GanlabError: a cache that cannot be read.
    """
    from ganlab.data import classes_of, packed_fingerprint
    from ganlab.data.packing import LAYOUT

    facts = gan.card.facts.get("training")
    if not isinstance(facts, Mapping) or "fingerprint" not in facts:
        return None
    size, channels, labelled = gan.image.size, gan.image.channels, gan.classes is not None
    if labelled:
        try:
            classes_of(images)
        except GanlabError:
            return None
    found = packed_fingerprint(images, size, channels, labelled=labelled, most=DECODED)
    if found == facts["fingerprint"]:
        return True
    return None if found is None or facts.get("layout", 1) != LAYOUT else False
