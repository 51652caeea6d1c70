"""What shapes the layers of a chain put out, from their settings alone: nothing is run, and no memory is taken.

torch tells as much on its device "meta", and for that imports its compiler, which takes longer than opening a GAN does.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from torch import nn

from ganlab.architectures.chain import ClassInput, GlobalPool, Pad, Reshape, Upsample

Shape = tuple[int, ...]


def shape_after(layer: nn.Module, shape: Shape) -> Shape:
    """The shape of what a layer of a chain puts out for an input of this one.

    Whether its weights fit the input is not asked, only what comes out if they do.

    Args:
        layer: of a kind that chains have, with its settings as torch keeps them.
        shape: with the number of pictures first; of ``classes``, that of z.

    Raises:
        ValueError: the layer takes no input of this shape.
        KeyError: no layer of a chain.
    """
    found = SHAPES[type(layer)](layer, shape)
    if any(side < 0 for side in found):
        raise ValueError(f"{tuple(shape)} is too small for it")
    return found


def _same(layer: nn.Module, shape: Shape) -> Shape:
    return shape


def _linear(layer: Any, shape: Shape) -> Shape:
    return (*shape[:-1], int(layer.out_features))


def _conv(layer: Any, shape: Shape) -> Shape:
    before, _, sides = _maps(shape)
    if layer.padding != "same":
        padding = (0, 0) if layer.padding == "valid" else layer.padding
        each = zip(sides, layer.kernel_size, layer.stride, padding, strict=True)
        sides = tuple(_windows(*numbers) for numbers in each)
    return (*before, layer.out_channels, *sides)


def _conv_transpose(layer: Any, shape: Shape) -> Shape:
    before, _, sides = _maps(shape)
    each = zip(sides, layer.kernel_size, layer.stride, layer.padding, layer.output_padding, strict=True)
    sides = tuple((side - 1) * step - 2 * pad + size + more for side, size, step, pad, more in each)
    return (*before, layer.out_channels, *sides)


def _pool(layer: Any, shape: Shape) -> Shape:
    before, maps, sides = _maps(shape)
    numbers = (pair(layer.kernel_size), pair(layer.stride), pair(layer.padding))
    return (*before, maps, *(_windows(*each) for each in zip(sides, *numbers, strict=True)))


def _windows(side: int, kernel: int, stride: int, padding: int) -> int:
    """How many windows fit on a side."""
    if kernel > side + 2 * padding:
        raise ValueError(f"a window of {kernel} does not fit on a side of {side}")
    return (side + 2 * padding - kernel) // stride + 1


def pair(numbers: Any) -> tuple[int, int]:
    """One number for each of the two sides, or the two that were given."""
    first, second = numbers if isinstance(numbers, (list, tuple)) else (numbers, numbers)
    return int(first), int(second)


def _maps(shape: Shape) -> tuple[Shape, int, Shape]:
    """(n,) maps (h, w) of a shape; torch takes maps of a single picture, without n, too."""
    if len(shape) not in (3, 4):
        raise ValueError(f"{tuple(shape)} are no maps")
    return shape[:-3], shape[-3], shape[-2:]


def _reshape(layer: Any, shape: Shape) -> Shape:
    wanted, numbers = (shape[0], *map(int, layer.shape)), prod(shape)
    if wanted.count(-1) == 1:
        rest = prod(side for side in wanted if side != -1)
        wanted = tuple(numbers // rest if side == -1 else side for side in wanted)
    if prod(wanted) != numbers:
        raise ValueError(f"{tuple(shape)} has not as many numbers as {wanted}")
    return wanted


def _flatten(layer: nn.Module, shape: Shape) -> Shape:
    if len(shape) < 2:
        raise ValueError(f"{tuple(shape)} has nothing to flatten")
    return (shape[0], prod(shape[1:]))


def _pad(layer: Any, shape: Shape) -> Shape:
    sides = list(shape)
    if len(layer.sides) % 2 or len(layer.sides) > 2 * len(sides):
        raise ValueError(f"{layer.sides} are not two numbers for each side")
    for place in range(len(layer.sides) // 2):  # the last side's come first
        sides[-1 - place] += sum(layer.sides[2 * place : 2 * place + 2])
    return tuple(sides)


def _upsample(layer: Any, shape: Shape) -> Shape:
    return (*shape[:2], *(int(side * float(layer.factor)) for side in shape[2:]))


def _pixel_shuffle(layer: Any, shape: Shape) -> Shape:
    before, maps, (height, width) = _maps(shape)
    factor = layer.upscale_factor
    if maps % factor**2:
        raise ValueError(f"{maps} maps are no squares of {factor}")
    return (*before, maps // factor**2, height * factor, width * factor)


def _global_pool(layer: nn.Module, shape: Shape) -> Shape:
    if len(shape) < 4:
        raise ValueError(f"{tuple(shape)} are no maps")
    return (*shape[:2], *shape[4:])


def _classes(layer: Any, shape: Shape) -> Shape:
    count, dim = shape
    if layer.join != "multiply":
        return (count, dim + int(layer.dims))
    if dim != layer.dims and 1 not in (dim, layer.dims):
        raise ValueError(f"{dim} numbers are not multiplied by {layer.dims}")
    return (count, max(dim, int(layer.dims)))


_POINTWISE = (
    *(nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d, nn.LayerNorm, nn.GroupNorm),
    *(nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Softmax, nn.Identity),
)
SHAPES: dict[type[nn.Module], Callable[[Any, Shape], Shape]] = {
    **dict.fromkeys(_POINTWISE, _same),
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _conv_transpose,
    nn.Linear: _linear,
    nn.MaxPool2d: _pool,
    nn.AvgPool2d: _pool,
    nn.Flatten: _flatten,
    nn.PixelShuffle: _pixel_shuffle,
    Reshape: _reshape,
    Pad: _pad,
    Upsample: _upsample,
    GlobalPool: _global_pool,
    ClassInput: _classes,
}
