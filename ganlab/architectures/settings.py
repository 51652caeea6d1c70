"""What a network's shape is, whatever its architecture: the settings that a card keeps and training is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    from torch import nn

CHANNELS = (1, 3, 4)
CLASSES_AS = ("one-hot", "embedding")
LARGEST = 65536  # width, dimensions of z, classes: more could not even be counted in a layer's size
_KINDS = {int: "a whole number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class NetworkSettings(ABC):
    """What networks that can be trained are told, and what a card says of them.

    A subclass is a frozen dataclass too, with a ``name`` and a ``title``; its further settings are whole numbers, true
    or false, or text, and have defaults. Settings that it gained after cards had been written are keyword-only: at
    their default they stand on no card.

    Attributes:
        name: of the class: what a card and ``--arch`` call the architecture.
        title: of the class, for sentences: "A TITLE trained on ...".
        size: side of the picture in pixels.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA).
        width: how wide the layers are, in the architecture's own unit.
        z_dim: dimensions of z.
        classes: how many classes both networks are told, or 0 for none.
        classes_as: "one-hot" numbers (paper), or an "embedding" that is learnt.
    """

    size: int = 64
    channels: int = 3
    width: int = 64
    z_dim: int = 100
    classes: int = field(default=0, kw_only=True)
    classes_as: str = field(default="one-hot", kw_only=True)

    name: ClassVar[str]
    title: ClassVar[str]

    def __post_init__(self) -> None:
        if self.channels not in CHANNELS:
            raise GanlabError(f"A picture has 1, 3 or 4 channels, not {self.channels}.", "1 grey, 3 RGB, 4 RGBA.")
        if not (1 <= self.width <= LARGEST and 1 <= self.z_dim <= LARGEST):
            raise GanlabError(
                f"The width and the dimension of z go from 1 to {LARGEST}.", "The usual values: 64 and 100."
            )
        if self.classes != 0 and not 2 <= self.classes <= LARGEST:
            raise GanlabError(f"There are from 2 to {LARGEST} classes, or 0 for none, not {self.classes}.", "Mend it.")
        if self.classes_as not in CLASSES_AS:
            raise GanlabError(
                f"Classes go in as {' or '.join(CLASSES_AS)}, not as {self.classes_as!r}.", "The paper's: one-hot."
            )

    @abstractmethod
    def build(self, seed: int) -> tuple[nn.Module, nn.Module]:
        """Generator and discriminator with fresh weights.

        The generator maps z (n, dim) to pictures (n, c, h, w) in [-1, 1], the discriminator pictures to logits (n,).
        Where there are ``classes``, both are always called with a second argument, the class of each (n,) int64; where
        there are none, with one only: ``forward(self, inputs, labels=None)`` serves both. Maps may lie channels last in
        memory, as they do in training, so that a ``view`` of them fails where ``flatten`` and ``reshape`` do not. The
        global random state stays untouched.
        """

    @classmethod
    def from_card(cls, settings: Mapping[str, Any]) -> Self:
        """Settings as a card holds them, without the architecture's name.

        Raises:
            GanlabError: a setting this architecture does not have, or of the wrong type.
        """
        known = {entry.name: entry for entry in fields(cls)}
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise GanlabError(f"A {cls.title} has no setting {unknown[0]!r}.", f"It has: {', '.join(sorted(known))}.")
        for setting, value in sorted(settings.items()):
            kind = type(known[setting].default)
            if type(value) is not kind:
                raise GanlabError(
                    f"A {cls.title}'s {setting!r} must be {_KINDS[kind]}.", "Mend the card's [architecture]."
                )
        return cls(**settings)

    def to_card(self) -> dict[str, Any]:
        """Settings as a card holds them, with the architecture's name."""
        said = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        silent = {entry.name for entry in fields(self) if entry.kw_only and said[entry.name] == entry.default}
        return {"name": self.name, **{name: value for name, value in said.items() if name not in silent}}
