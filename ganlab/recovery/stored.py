"""What a file of weights holds before anybody knows how its tensors follow each other: networks of parts.

Whoever reads a format brings its tensors into torch's layout and says what it knows of them, and no more:

- a convolution's weight is (outputs, inputs, h, w), a transposed one's (inputs, outputs, h, w), both for
  cross-correlation, as ``torch.nn`` computes them; a linear weight is (outputs, inputs);
- a normalisation has ``weight`` (scale), ``bias`` (shift) and, where the file stores them, ``mean`` and ``variance``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Kind = Literal["convolution", "conv", "conv_transpose", "linear", "norm", "embedding", "prelu"]
Side = Literal["generator", "discriminator"]
ROLES = ("weight", "bias", "mean", "variance")


@dataclass(frozen=True)
class Part:
    """One layer with weights.

    Attributes:
        kind: what it is; "convolution" where the file does not tell a transposed one from an ordinary one, in which
            case the weight is as stored.
        name: how the file calls it.
        tensors: by role ("weight", "bias", "mean", "variance"), float32.
        keys: role -> the tensor's name in the file; of a role that was computed from several tensors, the main one's.
        container, place: the sequence it is numbered in and its number there (``main.3`` -> "main", 3), or "" and None.
            What is missing between two numbers are layers without weights. Where none is missing, the numbers may be of
            a list, which does not say what stands between: then "" and None.
        settings: what the format states of it, in the words of a chain's layer: ``stride``, ``eps``, ...
    """

    kind: Kind
    name: str
    tensors: Mapping[str, torch.Tensor]
    keys: Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    place: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredNetwork:
    """One network of a file.

    Attributes:
        name: where it was found inside the file; "" where the file is nothing else.
        parts: its layers with weights, in the file's order.
        layers: where the format itself says how the layers follow: the tables of a chain (docs/checkpoints.md), each
            layer with weights named as its part is; else empty, and the order is worked out from the weights.
        side: which network the format says it is, or None.
    """

    name: str
    parts: tuple[Part, ...]
    layers: tuple[Mapping[str, Any], ...] = ()
    side: Side | None = None


@dataclass(frozen=True)
class Stored:
    """All networks of a file.

    Attributes:
        networks: in the file's order; of several versions of one network (an average beside it) all.
        format: the format's name, for the card.
        law: the prior's law where the format states it, or None.
        eps: of the normalisations where the format's framework has its own usual value, else torch's.
        same_padding: whether the framework's usual padding is TensorFlow's "same".
        keeps_statistics: whether every BatchNorm of the framework is stored with its mean and variance, so that a norm
            without them is of another kind.
        notes: what a user should know about how the file was read, in sentences.
    """

    networks: tuple[StoredNetwork, ...]
    format: str
    law: str | None = None
    eps: float = 1e-5
    same_padding: bool = False
    notes: tuple[str, ...] = ()
    keeps_statistics: bool = False
