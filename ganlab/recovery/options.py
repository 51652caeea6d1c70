"""What a file of weights leaves open, and the answers that are worth trying, the usual one first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ganlab.recovery.chaining import Stage
from ganlab.recovery.words import ACTIVATION_NAMES

Table = Mapping[str, Any]


def _table_of(activation: str) -> Table | None:
    """``leaky_relu 0.2`` -> the table of that layer; None for no activation."""
    kind, _, slope = activation.partition(" ")
    if kind == "none":
        return None
    return {"kind": kind, "slope": float(slope)} if slope else {"kind": kind}


ACTIVATIONS: dict[str, Table | None] = {name: _table_of(name) for name in ACTIVATION_NAMES}
OUTPUTS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "none": (-1.0, 1.0)}
LAWS = ("normal", "uniform", "uniform01")
NORM_EPS = (1e-5, 1e-3, 0.8)  # torch's, Keras's, and that of a widely copied tutorial, which gave it for the momentum
SIZES = (64, 32, 28, 128, 256, 16, 48, 96, 512, 224, 112, 80, 56, 40, 24, 36, 100, 160, 192, 320, 384)
LARGEST = 1024  # pixels
Z_DIMS = (100, 64, 128, 32, 50, 16, 62, 10, 20, 200, 256, 512)  # as they usually are
CLASSES = (10, 2, 3, 5, 26, 40, 47, 62, 100)


@dataclass(frozen=True)
class Geometry:
    """How a layer moves from side to side.

    Attributes:
        tables: of layers before the one with weights (an upsampling), then its own settings as the last.
        rank: 0 for the usual choice of this kernel; more for rarer ones.
        words: for a person.
    """

    tables: tuple[Table, ...]
    rank: int
    words: str

    def side(self, side: int, kind: str, kernel: int) -> int:
        """The side of what comes out, of what goes in; 0 where nothing would."""
        own = dict(self.tables[-1])
        for table in self.tables[:-1]:
            if table["kind"] == "pad":
                side += table["sides"][0] + table["sides"][1]
            elif table["kind"] in ("upsample", "pixel_shuffle"):
                side *= table["factor"]
        stride, padding = own.get("stride", 1), own.get("padding", 0)
        if kind == "conv_transpose":
            return (side - 1) * stride - 2 * padding + kernel + own.get("output_padding", 0)
        return (side + 2 * padding - kernel) // stride + 1 if side + 2 * padding >= kernel else 0


def geometries(stage: Stage, before: Stage | None, enlarges: bool) -> tuple[Geometry, ...]:
    """What may be tried for a layer of a generator, the usual first.

    Args:
        stage: the layer.
        before: the one before it, or None.
        enlarges: whether an ordinary convolution has an upsampling before it, as far as is usual.
    """
    if stage.kind == "linear":
        return (Geometry(({},), 0, "linear"),)
    if "stride" in stage.part.settings:
        return (_stated(stage.part.settings),)
    if before is None:
        return (Geometry(({"stride": 1, "padding": 0},), 0, "from 1x1"),)
    if stage.kind == "conv_transpose":
        return _transposed(stage.kernel)
    return _ordinary(stage.kernel, before.kind == "conv" and before.outputs == 4 * stage.inputs, enlarges)


def _stated(settings: Mapping[str, Any]) -> Geometry:
    own = {key: settings[key] for key in ("stride", "padding", "output_padding") if key in settings}
    return Geometry((own,), 0, "as the file says")


@cache
def _transposed(kernel: int) -> tuple[Geometry, ...]:
    found: list[Geometry] = []

    def add(rank: int, stride: int, padding: int, output_padding: int = 0) -> None:
        own = {"stride": stride, "padding": padding, "output_padding": output_padding}
        if padding >= 0 and not any(known.tables[0] == own for known in found):
            more = f", output padding {output_padding}" if output_padding else ""
            found.append(Geometry((own,), rank, f"stride {stride}, padding {padding}{more}"))

    if kernel % 2 == 0:
        add(0, 2, kernel // 2 - 1)  # doubles
    elif kernel > 1:
        add(0, 2, kernel // 2, 1)  # doubles
        add(1, 2, kernel // 2)  # one less than double
        add(1, 1, kernel // 2)  # keeps
    if kernel >= 2:
        add(2, 2, 0)
        add(2, 1, 0)
    if kernel == 1:
        add(0, 1, 0)
    add(3, 2, 1)
    add(3, 1, 1)
    add(3, 1, (kernel - 1) // 2)
    for stride in (3, 4, 5):
        if kernel >= stride and (kernel - stride) % 2 == 0:
            add(4, stride, (kernel - stride) // 2)
    return tuple(found)


@cache
def _ordinary(kernel: int, shuffled: bool, enlarges: bool) -> tuple[Geometry, ...]:
    """Convolutions of a generator keep the side, or halve none of it: what enlarges stands before them."""
    same = kernel // 2
    own = {"stride": 1, "padding": same}
    before: list[Table] = [] if kernel % 2 else [{"kind": "pad", "sides": [same - 1, same, same - 1, same]}]
    if not kernel % 2:
        own = {"stride": 1, "padding": 0}
    if shuffled:
        shuffle = {"kind": "pixel_shuffle", "factor": 2}
        return (Geometry((shuffle, *before, own), 0, "pixel shuffle before it"),)
    found = []
    for rank, mode in ((0, "nearest"), (1, "bilinear")):
        up = {"kind": "upsample", "factor": 2, "mode": mode}
        found.append(Geometry((up, *before, own), rank if enlarges else rank + 1, f"{mode} upsampling before it"))
    found.append(Geometry((*before, own), 1 if enlarges else 0, "keeps the side"))
    if kernel > 1:
        found.append(Geometry(({"stride": 1, "padding": 0},), 3, "no padding"))
        found.append(Geometry(({"stride": 1, "padding": 1},), 3, "padding 1"))
    return tuple(found)


def one_hot_classes(inputs: int) -> list[int]:
    """How many inputs of a first layer may be one-hot classes: what is left must be a usual z, and all must be none."""
    return [] if inputs in Z_DIMS else [classes for classes in CLASSES if inputs - classes in Z_DIMS]


def judging_geometries(stage: Stage) -> tuple[Geometry, ...]:
    """What may be tried for a convolution of a discriminator, the usual first."""
    kernel = stage.kernel
    if "stride" in stage.part.settings:
        return (_stated(stage.part.settings),)
    found: list[Geometry] = []

    def add(rank: int, stride: int, padding: int, *before: Table) -> None:
        own = {"stride": stride, "padding": padding}
        if padding >= 0 and not any(known.tables == (*before, own) for known in found):
            found.append(Geometry((*before, own), rank, f"stride {stride}, padding {padding}"))

    add(0, 2, (kernel - 1) // 2)
    if kernel % 2 and kernel > 1:
        add(1, 1, kernel // 2)
    add(1, 1, 0)
    add(2, 2, 0)
    add(2, 2, 1)
    add(2, 1, 1)
    return tuple(found)


def size_rank(size: int) -> int:
    """0 for the usual sides of pictures."""
    return 0 if size in (0, 28) or size & (size - 1) == 0 else 2


def plausible(size: int, given: int | None = None) -> bool:
    """Whether pictures are of this side: as the user says, else as they usually are."""
    return size == given if given is not None else size in SIZES


def first_sides(stage: Stage, after: Stage | None) -> Iterator[int]:
    """The side of the maps that a generator's first layer puts out."""
    if stage.kind != "linear":
        yield stage.kernel
    elif after is None:
        yield 0  # pictures themselves, of as many channels as fit
    elif after.kind == "linear":
        yield 1
    else:
        yield int((stage.outputs // after.inputs) ** 0.5)
