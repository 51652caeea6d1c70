"""What a person says of a checkpoint that its file does not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ganlab.errors import GanlabError
from ganlab.latents import LAWS
from ganlab.recovery.words import ACTIVATION_NAMES, OUTPUT_NAMES, UPSAMPLING_NAMES

STATISTICS = ("stored", "fresh")


@dataclass(frozen=True)
class Hints:
    """Answers that win over whatever the weights say; None leaves a question to them.

    Attributes:
        z: law of the prior: "uniform" on [-1, 1], "normal", "uniform01" on [0, 1].
        activation: of the hidden layers, such as "relu" or "leaky_relu 0.2": the generator's, or those of a
            discriminator alone. A card states a discriminator's beside.
        upsampling: "nearest" or "bilinear", where that stands before convolutions; a list with commas where the layers
            differ, whose last goes for all that follow.
        eps: what norms add to variances, such as 1e-5; a text with commas where they differ, whose last goes for all
            that follow, and for a discriminator.
        image_size: side of the pictures in pixels.
        output: what ends the generator: "tanh", "sigmoid" or "none".
        statistics: "fresh" estimates BatchNorm's statistics anew instead of using those in the file.
        card: a ``card.toml`` that states any of this, and the layers themselves where need be.
        label: the class that a conditional GAN draws, by number or name.
        trust: code that comes with the checkpoint may run: of torch.hub, or the named class of a pickled module.
    """

    z: str | None = None
    activation: str | None = None
    upsampling: str | None = None
    eps: float | str | None = None
    image_size: int | None = None
    output: str | None = None
    statistics: str | None = None
    card: Path | None = None
    label: int | str | None = None
    trust: bool = False

    def __post_init__(self) -> None:
        _check("--z", self.z, LAWS)
        _check("--activation", self.activation, ACTIVATION_NAMES)
        for mode in self.upsampling_modes or ():
            _check("--upsampling", mode, UPSAMPLING_NAMES)
        _check("--output", self.output, OUTPUT_NAMES)
        _check("--statistics", self.statistics, STATISTICS)
        if any(not 0 < value < 1 for value in self.eps_of_norms or ()):
            raise GanlabError(f"--eps cannot be {self.eps!r}.", "It lies above 0 and below 1, for example: --eps 0.001")
        if self.image_size is not None and (type(self.image_size) is not int or self.image_size < 1):
            raise GanlabError("--image-size is a number of pixels, at least 1.", "For example: --image-size 64")

    @property
    def upsampling_modes(self) -> tuple[str, ...] | None:
        """As a list, layer by layer."""
        return None if self.upsampling is None else tuple(mode.strip() for mode in str(self.upsampling).split(","))

    @property
    def eps_of_norms(self) -> tuple[float, ...] | None:
        """As a list, norm by norm; NaN for what is no number."""
        return None if self.eps is None else tuple(_number(value) for value in str(self.eps).split(","))

    def given(self) -> dict[str, Any]:
        """Those that say something, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None and value is not False}


def _check(option: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise GanlabError(f"{option} cannot be {value!r}.", f"Choose one of: {', '.join(known)}.")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
