"""Networks as a card spells them out, layer after layer: what a checkpoint of anybody's becomes.

A chain is a list of tables, each a layer: its ``kind``, a dotted ``name`` and its settings::

    {name = "up8.conv", kind = "conv_transpose", inputs = 512, outputs = 256, kernel = [4, 4], stride = 2, padding = 1}

Layers whose names begin alike become one block, so that ``up8`` names the whole and ``up8.conv`` its convolution.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from ganlab.architectures.classes import ClassCode
from ganlab.architectures.dcgan import initialise
from ganlab.errors import GanlabError
from ganlab.networks.devices import enough_memory, made_on_cpu
from ganlab.networks.weights import torch_seed

Tables = Sequence[Mapping[str, Any]]
LARGEST = 65536  # no number of a table exceeds it: more could not even be counted in a layer's size
DEEPEST = 200  # layers
PADDINGS = ("constant", "reflect", "replicate")  # modes of a pad


class Reshape(nn.Module):
    """(n, ...) -> (n, *shape)."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.reshape(len(features), *self.shape)


class Pad(nn.Module):
    """Pixels added left, right, above and below, zeros or what stands inside; a negative number takes away.

    Args:
        sides: how many.
        mode: "constant" for zeros, "reflect" or "replicate".
    """

    def __init__(self, sides: Sequence[int], mode: str = "constant") -> None:
        super().__init__()
        if mode not in PADDINGS:
            raise ValueError(f"its mode is none of {', '.join(PADDINGS)}")
        self.sides, self.mode = tuple(sides), mode

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return F.pad(features, self.sides, self.mode)


class Upsample(nn.Module):
    """Sides times ``factor``."""

    def __init__(self, factor: int, mode: str) -> None:
        super().__init__()
        self.factor, self.mode = factor, mode

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        corners = None if self.mode == "nearest" else False
        return F.interpolate(features, scale_factor=float(self.factor), mode=self.mode, align_corners=corners)


class GlobalPool(nn.Module):
    """The mean over all positions: (n, c, h, w) -> (n, c)."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.mean((2, 3))


class ClassInput(ClassCode):
    """z (n, dim) and classes (n,) -> what the first layer takes: the class, embedded or one-hot, joined to z.

    Args:
        classes: how many there are.
        dims: numbers that stand for a class.
        join: "after" or "before" z, or "multiply" z by them.
        one_hot: 1 for the class and 0 for all others, instead of an embedding that was learnt.
    """

    def __init__(self, classes: int, dims: int, join: str, one_hot: bool = False) -> None:
        super().__init__(classes, dims, one_hot)
        self.join = join

    def forward(self, z: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        known = super().forward(labels).to(z)
        if self.join == "multiply":
            return z * known
        return torch.cat([z, known] if self.join == "after" else [known, z], 1)


class Chain(nn.Sequential):
    """The layers of a chain, one after the other; classes go to a first layer of kind ``classes``."""

    any_memory_format = True  # none of its layers minds how maps lie in memory

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        layers = list(self)
        features = layers[0](inputs) if labels is None else layers[0](inputs, labels)
        for layer in layers[1:]:
            features = layer(features)
        return features


class Discriminator(Chain):
    """A chain that scores pictures: logits (n,), the mean where it puts out several a picture."""

    def forward(self, inputs: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(inputs, labels).flatten(1).mean(1)


def _conv(inputs: int, outputs: int, kernel: list[int], stride: int = 1, padding: int = 0, bias: bool = True) -> Any:
    return nn.Conv2d(inputs, outputs, tuple(kernel), stride, padding, bias=bias)  # type: ignore[arg-type]


def _conv_transpose(
    inputs: int,
    outputs: int,
    kernel: list[int],
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    bias: bool = True,
) -> Any:
    size: Any = tuple(kernel)
    return nn.ConvTranspose2d(inputs, outputs, size, stride, padding, output_padding, bias=bias)


def _linear(inputs: int, outputs: int, bias: bool = True) -> Any:
    return nn.Linear(inputs, outputs, bias=bias)


def _batch_norm(maps: int, eps: float = 1e-5, flat: bool = False, affine: bool = True) -> Any:
    return (nn.BatchNorm1d if flat else nn.BatchNorm2d)(maps, eps=eps, affine=affine)


def _instance_norm(maps: int, eps: float = 1e-5, affine: bool = True) -> Any:
    return nn.InstanceNorm2d(maps, eps=eps, affine=affine)


def _layer_norm(shape: list[int], eps: float = 1e-5) -> Any:
    return nn.LayerNorm(shape, eps=eps)


def _group_norm(groups: int, maps: int, eps: float = 1e-5) -> Any:
    return nn.GroupNorm(groups, maps, eps)


def _max_pool(kernel: int, stride: int = 0, padding: int = 0) -> Any:
    return nn.MaxPool2d(kernel, stride or kernel, padding)


def _average_pool(kernel: int, stride: int = 0, padding: int = 0) -> Any:
    return nn.AvgPool2d(kernel, stride or kernel, padding)


def _leaky_relu(slope: float) -> Any:
    return nn.LeakyReLU(slope)


def _prelu(slopes: int = 1) -> Any:
    return nn.PReLU(slopes)


def _elu(alpha: float = 1.0) -> Any:
    return nn.ELU(alpha)


def _gelu(approximate: str = "none") -> Any:
    return nn.GELU(approximate)


def _softmax() -> Any:
    return nn.Softmax(1)


def _flatten() -> Any:
    return nn.Flatten()


def _pixel_shuffle(factor: int) -> Any:
    return nn.PixelShuffle(factor)


LAYERS: dict[str, Callable[..., nn.Module]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "classes": ClassInput,
    "relu": nn.ReLU,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "elu": _elu,
    "selu": nn.SELU,
    "gelu": _gelu,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "softmax": _softmax,
    "identity": nn.Identity,
    "reshape": Reshape,
    "flatten": _flatten,
    "pad": Pad,
    "upsample": Upsample,
    "pixel_shuffle": _pixel_shuffle,
    "max_pool": _max_pool,
    "average_pool": _average_pool,
    "global_pool": GlobalPool,
}
# of a layer without settings, the signature of nn.Module's own says nothing
_PLAIN = ("relu", "selu", "silu", "tanh", "sigmoid", "softplus", "identity")


def build_chain(settings: Mapping[str, Any], seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator of a card's ``[architecture] name = "chain"``, with fresh weights of this seed.

    Convolutions and BatchNorm begin as a DCGAN's do, everything else as torch initialises it. A card without a
    discriminator gets an empty one, which puts out nothing that could be taken for a verdict.

    Raises:
        GanlabError: a table that is no layer, or says too much or too little.
    """
    unknown = sorted(set(settings) - {"generator", "discriminator"})
    if unknown:
        raise GanlabError(f"A chain has no setting {unknown[0]!r}.", "It has: generator, discriminator.")
    generator = build_layers(settings.get("generator", ()), Chain, 2 * seed)
    discriminator = build_layers(settings.get("discriminator", ()), Discriminator, 2 * seed + 1)
    initialise(generator, 2 * seed)
    initialise(discriminator, 2 * seed + 1)
    return generator, discriminator


def build_layers(tables: Tables, kind: type[Chain] = Chain, seed: int = 0) -> Chain:
    """The network of these tables, with torch's own initial weights; the global random state stays untouched.

    Raises:
        GanlabError: a table that is no layer, or says too much or too little; two layers of one name.
    """
    if not isinstance(tables, (list, tuple)) or len(tables) > DEEPEST:
        raise GanlabError(f"A chain is a list of at most {DEEPEST} layers.", "See docs/pretrained.md.")
    names = [_name(table) for table in tables]
    with (
        enough_memory("This network does not fit into memory.", "Are the sizes in its card right?"),
        torch.random.fork_rng(devices=[]),  # torch's own initialisation draws from the global random state
        made_on_cpu(),
    ):
        torch.default_generator.manual_seed(torch_seed(seed))
        return kind(_nested([(name.split("."), _layer(table)) for name, table in zip(names, tables, strict=True)]))


def _nested(layers: list[tuple[list[str], nn.Module]]) -> OrderedDict[str, nn.Module]:
    """Layers whose names begin alike, in blocks."""
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    for first, members in groupby(layers, key=lambda layer: layer[0][0]):
        inside = [(name[1:], layer) for name, layer in members]
        if first in blocks or (len(inside) > 1 and not all(name for name, _ in inside)):
            raise GanlabError(f"Two layers of a chain are called {first!r}.", "Give each its own name.")
        blocks[first] = nn.Sequential(_nested(inside)) if inside[0][0] else inside[0][1]
    return blocks


def _name(table: Any) -> str:
    if not isinstance(table, Mapping) or not isinstance(table.get("name"), str) or not table["name"]:
        raise GanlabError("A layer of a chain is a table with a name and a kind.", "See docs/pretrained.md.")
    return str(table["name"])


def _layer(table: Mapping[str, Any]) -> nn.Module:
    kind, settings = table.get("kind"), {key: value for key, value in table.items() if key not in ("name", "kind")}
    if kind not in LAYERS:
        raise GanlabError(f"There is no kind of layer {kind!r}.", f"There are: {', '.join(sorted(LAYERS))}.")
    known = {} if kind in _PLAIN or kind == "global_pool" else inspect.signature(LAYERS[kind]).parameters
    wrong = [key for key in settings if key not in known]
    missing = [name for name, one in known.items() if one.default is inspect.Parameter.empty and name not in settings]
    if wrong or missing:
        what = f"has no setting {wrong[0]!r}" if wrong else f"lacks {missing[0]!r}"
        raise GanlabError(f"The layer {table['name']!r} ({kind}) {what}.", "Mend the card's [architecture].")
    for value in settings.values():
        numbers = value if isinstance(value, (list, tuple)) else [value]
        if any(isinstance(number, (int, float)) and abs(number) > LARGEST for number in numbers):
            raise GanlabError(f"The layer {table['name']!r} has a number above {LARGEST}.", "Mend the card.")
    try:
        return LAYERS[kind](**settings)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise GanlabError(
            f"The layer {table['name']!r} ({kind}) cannot be built: {reason}.", "Mend the card."
        ) from error
