"""How a layer may move from side to side: the strides and paddings that files of weights do not store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from ganlab.recovery.orders import Stage

Table = Mapping[str, Any]
ENLARGING = ("upsample", "pixel_shuffle")  # kinds without weights
POOLS = {"max_pool": "max pooling", "average_pool": "average pooling"}  # of 2x2, the usual first


@dataclass(frozen=True)
class Geometry:
    """One way.

    Attributes:
        own: settings of the layer itself: stride, padding, output_padding.
        rank: 0 for the usual choice of this kernel; more for rarer ones.
        words: for a person.
        before, after: tables of layers without weights around it: an upsampling, zeros on one side only.
        pools: tables of what makes maps smaller behind its activation.
    """

    own: Table
    rank: int
    words: str
    before: tuple[Table, ...] = field(default=())
    after: tuple[Table, ...] = field(default=())
    pools: tuple[Table, ...] = field(default=())

    @property
    def upsampling(self) -> str | None:
        """How maps are enlarged before the layer; None where they are not."""
        return next((table["mode"] for table in self.before if table["kind"] == "upsample"), None)

    @property
    def enlarges_first(self) -> bool:
        """Whether a layer without weights enlarges the maps before it."""
        return any(table["kind"] in ENLARGING for table in self.before)

    def side(self, side: int, kind: str, kernel: int) -> int:
        """The side of what comes out, of what goes in; 0 where nothing would."""
        side = _around(side, self.before)
        stride, padding = self.own.get("stride", 1), self.own.get("padding", 0)
        if kind == "conv_transpose":
            side = (side - 1) * stride - 2 * padding + kernel + self.own.get("output_padding", 0)
        else:
            side = (side + 2 * padding - kernel) // stride + 1 if side + 2 * padding >= kernel else 0
        return _around(side, (*self.after, *self.pools)) if side > 0 else 0


def _around(side: int, tables: tuple[Table, ...]) -> int:
    for table in tables:
        if table["kind"] == "pad":
            side += table["sides"][0] + table["sides"][1]
        elif table["kind"] in POOLS:
            side //= table["kernel"]
        else:
            side *= table["factor"]
    return side


LINEAR = Geometry({}, 0, "linear")
FROM_Z = Geometry({"stride": 1, "padding": 0}, 0, "from 1x1")
WHOLE = Geometry({"stride": 1, "padding": 0}, 0, "the whole map at once")


def geometries(
    stage: Stage, before: Stage | None, enlarges: bool, same: bool, sized: bool = False
) -> tuple[Geometry, ...]:
    """What may be tried for a layer of a generator, the usual first.

    Args:
        stage: the layer.
        before: the one before it, or None.
        enlarges: whether an ordinary convolution has an upsampling before it, as far as is usual.
        same: whether the file is of a framework whose padding is "same": sides are multiplied by the stride exactly,
            and what is odd of the padding goes to the right and below.
        sized: whether the side of the pictures is stated, so that ways which few go need not be feared: they would
            lead to other sizes as well.
    """
    if stage.kind == "linear":
        return (LINEAR,)
    if "stride" in stage.part.settings:
        return (_stated(stage.part.settings),)
    if before is None:
        return (FROM_Z,)
    if stage.kind == "conv_transpose":
        if same:
            return _same_transposed(stage.kernel)
        return _transposed(stage.kernel) + (_rare_transposed(stage.kernel) if sized else ())
    ways = _ordinary(stage.kernel, before.kind == "conv" and before.outputs == 4 * stage.inputs, enlarges)
    return ways + (_halving(stage.kernel) if sized else ())


def discriminator_geometries(stage: Stage, same: bool) -> tuple[Geometry, ...]:
    """What may be tried for a convolution of a discriminator, the usual first."""
    if "stride" in stage.part.settings:
        return (_stated(stage.part.settings),)
    return _same_strided(stage.kernel) if same else _strided(stage.kernel)


def pooling_geometries(stage: Stage, same: bool) -> tuple[Geometry, ...]:
    """A convolution of a discriminator that steps by one pixel, and a pooling behind it; of odd kernels only."""
    if "stride" in stage.part.settings or stage.kernel % 2 == 0:
        return ()
    steps = [one for one in discriminator_geometries(stage, same) if one.own["stride"] == 1]
    return tuple(
        replace(
            one,
            rank=one.rank + rank,
            words=f"{one.words}, {POOLS[kind]}",
            pools=({"kind": kind, "kernel": 2},),
        )
        for one in steps
        for rank, kind in enumerate(POOLS)
    )


def _stated(settings: Mapping[str, Any]) -> Geometry:
    own = {key: settings[key] for key in ("stride", "padding", "output_padding") if key in settings}
    return Geometry(own, 0, "as the file says")


@cache
def _transposed(kernel: int) -> tuple[Geometry, ...]:
    found: dict[tuple[int, int, int], Geometry] = {}

    def add(rank: int, stride: int, padding: int, output_padding: int = 0) -> None:
        more = f", output padding {output_padding}" if output_padding else ""
        own = {"stride": stride, "padding": padding, "output_padding": output_padding}
        if padding >= 0:
            way = Geometry(own, rank, f"stride {stride}, padding {padding}{more}")
            found.setdefault((stride, padding, output_padding), way)

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
        add(3, 1, 2)  # cuts a border off: 32 pixels to 28
    add(3, 2, 1)
    add(3, 1, 1)
    add(3, 1, (kernel - 1) // 2)
    for stride in (3, 4, 5):
        if kernel >= stride and (kernel - stride) % 2 == 0:
            add(4, stride, (kernel - stride) // 2)
    return tuple(found.values())


@cache
def _rare_transposed(kernel: int) -> tuple[Geometry, ...]:
    """Two less than double: 8 pixels to 14, on the way to 28."""
    half = kernel // 2
    own = {"stride": 2, "padding": half, "output_padding": 0}
    return (Geometry(own, 5, f"stride 2, padding {half}"),) if kernel % 2 == 0 and kernel > 2 else ()


@cache
def _halving(kernel: int) -> tuple[Geometry, ...]:
    """Ordinary convolutions that take every second pixel: 56 pixels to 28."""
    own = {"stride": 2, "padding": (kernel - 1) // 2}
    return (Geometry(own, 5, f"stride 2, padding {own['padding']}"),) if kernel > 1 else ()


@cache
def _same_transposed(kernel: int) -> tuple[Geometry, ...]:
    found = []
    for rank, stride in ((0, 2), (1, 1), (3, 4), (3, 3)):
        if kernel >= stride:
            less = (kernel - stride) // 2
            uneven = kernel - stride - 2 * less
            after = ({"kind": "pad", "sides": [0, -uneven, 0, -uneven]},) if uneven else ()
            own = {"stride": stride, "padding": less, "output_padding": 0}
            found.append(Geometry(own, rank, f"stride {stride}, same padding", after=after))
    valid = [(2, {"stride": 2, "padding": 0}), (2, {"stride": 1, "padding": 0})]
    return (*found, *(Geometry(own, rank, f"stride {own['stride']}, no padding") for rank, own in valid))


@cache
def _ordinary(kernel: int, shuffled: bool, enlarges: bool) -> tuple[Geometry, ...]:
    """Convolutions of a generator keep the side: what enlarges stands before them."""
    half = kernel // 2
    own = {"stride": 1, "padding": half if kernel % 2 else 0}
    even: tuple[Table, ...] = () if kernel % 2 else ({"kind": "pad", "sides": [half - 1, half, half - 1, half]},)
    if shuffled:
        shuffle = {"kind": "pixel_shuffle", "factor": 2}
        return (Geometry(own, 0, "pixel shuffle before it", (shuffle, *even)),)
    found = [Geometry(own, 1 if enlarges else 0, "keeps the side", even)]
    for rank, mode in ((0, "nearest"), (1, "bilinear")):
        up = {"kind": "upsample", "factor": 2, "mode": mode}
        found.append(Geometry(own, rank + (0 if enlarges else 1), f"{mode} upsampling before it", (up, *even)))
    if kernel > 1:
        found.append(Geometry({"stride": 1, "padding": 0}, 3, "no padding"))
        if half != 1 or kernel % 2 == 0:  # else it keeps the side
            found.append(Geometry({"stride": 1, "padding": 1}, 3, "padding 1"))
    return tuple(sorted(found, key=lambda way: way.rank))


@cache
def _strided(kernel: int) -> tuple[Geometry, ...]:
    found: dict[tuple[int, int], Geometry] = {}

    def add(rank: int, stride: int, padding: int) -> None:
        way = Geometry({"stride": stride, "padding": padding}, rank, f"stride {stride}, padding {padding}")
        found.setdefault((stride, padding), way)

    add(0, 2, (kernel - 1) // 2)
    if kernel % 2 and kernel > 1:
        add(1, 1, kernel // 2)
    add(1, 1, 0)
    add(2, 2, 0)
    add(2, 2, 1)
    add(2, 1, 1)
    return tuple(found.values())


@cache
def _same_strided(kernel: int) -> tuple[Geometry, ...]:
    found = []
    for rank, stride in ((0, 2), (1, 1)):
        if kernel >= stride:
            less = (kernel - stride) // 2
            more = kernel - stride - less
            if less == more:
                own: dict[str, Any] = {"stride": stride, "padding": less}
                found.append(Geometry(own, rank, f"stride {stride}, same padding"))
            else:
                pad = {"kind": "pad", "sides": [less, more, less, more]}
                own = {"stride": stride, "padding": 0}
                found.append(Geometry(own, rank, f"stride {stride}, same padding", (pad,)))
    # of an odd side, "same" with stride 2 is even on both sides
    return (*found, *(way for way in _strided(kernel) if way.own["padding"] in (0, kernel // 2)))


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
