"""What a file of weights holds before anybody knows how its tensors follow each other: networks of parts.

Whoever reads a format brings its tensors into torch's layout and says what it knows of them, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from ganlab.gan import Side

if TYPE_CHECKING:
    import torch

Kind = Literal["convolution", "conv", "conv_transpose", "linear", "norm", "embedding", "prelu"]
AXES: Mapping[Kind, int] = {  # of its weight
    "convolution": 4,
    "conv": 4,
    "conv_transpose": 4,
    "linear": 2,
    "norm": 1,
    "embedding": 2,
    "prelu": 1,
}
ROLES = ("weight", "bias", "mean", "variance")


@dataclass(frozen=True)
class Part:
    """One layer with weights.

    Every kind has a ``weight`` (a norm may do without) in torch's layout:

    - ``conv``: (outputs, inputs, h, w), and ``conv_transpose``: (inputs, outputs, h, w), both for cross-correlation;
      perhaps a ``bias`` (outputs,);
    - ``convolution``: one of these two, as it is stored, where the file does not tell which;
    - ``linear``: (outputs, inputs); perhaps a ``bias`` (outputs,);
    - ``norm``: the scale (maps,), its shift ``bias`` and, where the file stores them, ``mean`` and ``variance``, all
      (maps,); of batches, unless ``layers`` of the network say otherwise;
    - ``embedding``: (classes, numbers for each);
    - ``prelu``: the slopes (maps,), or (1,) for all.

    Attributes:
        kind: which of these it is.
        name: how the file calls it.
        tensors: by role ("weight", "bias", "mean", "variance"), float32.
        keys: role -> the tensor's name in the file; of a role that was computed from several tensors, the main one's.
        container, place: the sequence it is numbered in and its number there (``main.3`` -> "main", 3), or "" and None.
            What is missing between two numbers are layers without weights. Where none is missing, the numbers may be of
            a list, which does not say what stands between: then "" and None.
        settings: what the format states of it, in the words of a chain's layer: ``stride``, ``padding``, ``eps``, ...;
            of a linear layer beside maps also ``order = "hwc"``, where flat features stand as rows, columns, maps.

    Raises:
        ValueError: an unknown kind or role, no weight, or one that has too many or too few axes for its kind.
    """

    kind: Kind
    name: str
    tensors: Mapping[str, torch.Tensor]
    keys: Mapping[str, str] = field(default_factory=dict)
    container: str = ""
    place: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        what = f"the part {self.name!r}"
        if self.kind not in AXES:
            raise ValueError(f"{what} is of the kind {self.kind!r}, which is none of {', '.join(AXES)}")
        if strange := sorted({*self.tensors, *self.keys} - {*ROLES}):
            raise ValueError(f"{what} has the role {strange[0]!r}, which is none of {', '.join(ROLES)}")
        weight = self.tensors.get("weight")
        if weight is None and self.kind != "norm":
            raise ValueError(f"{what} is a {self.kind} without a weight")
        if weight is not None and weight.ndim != AXES[self.kind]:
            raise ValueError(f"{what} is a {self.kind}: its weight has {AXES[self.kind]} axes, not {weight.ndim}")


@dataclass(frozen=True)
class StoredNetwork:
    """One network of a file.

    Attributes:
        name: where it was found inside the file; "" where the file is nothing else.
        parts: its layers with weights, in the file's order.
        layers: where the format itself says how the layers follow: the tables of a chain (docs/pretrained.md), each
            layer with weights named as its part is; else empty, and the order is worked out from the weights.
        side: which network the format says it is, "generator" or "discriminator", or None.

    Raises:
        ValueError: another side.
    """

    name: str
    parts: tuple[Part, ...]
    layers: tuple[Mapping[str, Any], ...] = ()
    side: Side | None = None

    def __post_init__(self) -> None:
        if self.side not in (*get_args(Side), None):
            raise ValueError(f"the network {self.name!r} has the side {self.side!r}, not {' or '.join(get_args(Side))}")


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
