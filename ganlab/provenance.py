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
        None where nobody can tell: the card holds no digest, or there are more than 5,000 pictures, which `ganlab
        train` has not packed on this machine.

    Raises:
        GanlabError: a cache that cannot be read.
    """
    from ganlab.data import packed_fingerprint

    facts = gan.card.facts.get("training")
    if not isinstance(facts, Mapping) or "fingerprint" not in facts:
        return None
    size, channels, labelled = gan.image.size, gan.image.channels, gan.classes is not None
    try:
        found = packed_fingerprint(images, size, channels, labelled=labelled, most=DECODED)
    except GanlabError:  # no classes, as other pictures have none
        return False
    return None if found is None else found == facts["fingerprint"]
