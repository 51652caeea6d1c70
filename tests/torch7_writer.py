"""Files as Torch7's ``torch.save`` writes them, byte by byte, and networks of its ``nn`` to write."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

Z, WIDTH = 6, 4
ELEMENTS = {"Float": "<f4", "Double": "<f8", "Cuda": "<f4", "Half": "<f2", "Long": "<i8"}


class Lua:
    """An object of a Lua class with fields, as modules of ``nn`` are."""

    def __init__(self, class_name: str, **fields: Any) -> None:
        self.class_name, self.fields = class_name, fields


class Function:
    """Lua code with the variables it closes over; ``kind`` is how it is marked."""

    def __init__(self, kind: int = 8) -> None:
        self.kind = kind


class Sizes(list[int]):
    """A ``torch.LongStorage``."""


class Floats:
    """The storage of tensors; one base array has one."""

    def __init__(self, base: np.ndarray) -> None:
        self.base = base


class View:
    """A tensor that looks at a base array by a shape, strides and an offset that counts from 0."""

    def __init__(self, base: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> None:
        self.base, self.shape, self.strides, self.offset = base, shape, strides, offset


class Writer:
    """``long_size`` is 8 or 4 bytes; ``element`` the type of all tensors; without ``versions`` classes stand alone."""

    def __init__(self, long_size: int = 8, element: str = "Float", versions: bool = True) -> None:
        self.out, self.indices, self.kept = bytearray(), dict[tuple[str, int], int](), list[Any]()
        self.long_layout = {8: "<q", 4: "<i"}[long_size]
        self.element, self.versions = element, versions

    def bytes_of(self, thing: Any) -> bytes:
        self.put(thing)
        return bytes(self.out)

    def put(self, thing: Any) -> None:
        if thing is None:
            self.int(0)
        elif isinstance(thing, bool):
            self.int(5)
            self.int(int(thing))
        elif isinstance(thing, (int, float)):
            self.int(1)
            self.out += struct.pack("<d", thing)
        elif isinstance(thing, str):
            self.int(2)
            self.text(thing)
        else:
            self.referable(thing)

    def referable(self, thing: Any) -> None:
        kind = thing.kind if isinstance(thing, Function) else 3 if isinstance(thing, dict) else 4
        self.int(kind)
        if kind != 6:  # the oldest functions have no number
            same = ("storage", id(thing.base)) if isinstance(thing, Floats) else ("", id(thing))
            known = same in self.indices
            self.kept.append(thing)  # so that no other thing gets its id
            self.int(self.indices.setdefault(same, len(self.indices) + 1))
            if known:
                return
        if isinstance(thing, Function):
            self.text("\x1bLJ code")
            self.put({1.0: {"name": "x", "value": 3.0}})
        elif isinstance(thing, dict):
            self.table(thing)
        elif isinstance(thing, Lua):
            self.class_name(thing.class_name)
            self.put(thing.fields)
        elif isinstance(thing, Sizes):
            self.storage("Long", np.array(thing))
        elif isinstance(thing, Floats):
            self.storage(self.element, thing.base)
        else:
            self.tensor(thing)

    def table(self, table: dict[Any, Any]) -> None:
        self.int(len(table))
        for key, value in table.items():
            self.put(key)
            self.put(value)

    def tensor(self, tensor: np.ndarray | View) -> None:
        if isinstance(tensor, np.ndarray):
            strides = tuple(stride // tensor.itemsize for stride in np.ascontiguousarray(tensor).strides)
            tensor = View(tensor, tensor.shape, strides, 0)
        self.class_name(f"torch.{self.element}Tensor")
        self.int(len(tensor.shape))
        for number in (*tensor.shape, *tensor.strides, tensor.offset + 1):
            self.long(number)
        self.put(Floats(tensor.base) if tensor.base.size else None)

    def storage(self, element: str, numbers: np.ndarray) -> None:
        self.class_name(f"torch.{element}Storage")
        self.long(numbers.size)
        layout = self.long_layout if element == "Long" else ELEMENTS[element]
        self.out += numbers.astype(layout).tobytes()

    def class_name(self, name: str) -> None:
        if self.versions:
            self.text("V 1")
        self.text(name)

    def int(self, number: int) -> None:
        self.out += struct.pack("<i", number)

    def long(self, number: int) -> None:
        self.out += struct.pack(self.long_layout, number)

    def text(self, text: str) -> None:
        self.int(len(text))
        self.out += text.encode("latin-1")


# networks


def array(tensor: torch.Tensor | None) -> np.ndarray:
    return np.zeros(0, np.float32) if tensor is None else tensor.detach().numpy()


def sequence(*modules: Lua, library: str = "nn") -> Lua:
    return Lua(f"{library}.Sequential", modules=dict(enumerate(modules, 1)), train=True, output=np.zeros(0, np.float32))


def convolution(layer: Any, library: str = "nn") -> Lua:
    """As ``nn.SpatialConvolution`` or ``nn.SpatialFullConvolution`` keep it, with the gradient beside the weight."""
    full = isinstance(layer, nn.ConvTranspose2d)
    height, width = layer.kernel_size
    return Lua(
        f"{library}.Spatial{'Full' if full else ''}Convolution",
        **{"nInputPlane": layer.in_channels, "nOutputPlane": layer.out_channels, "kW": width, "kH": height},
        **{"dW": layer.stride[0], "dH": layer.stride[0], "padW": layer.padding[0], "padH": layer.padding[0]},
        **({"adjW": layer.output_padding[0], "adjH": layer.output_padding[0]} if full else {}),
        weight=array(layer.weight),
        gradWeight=array(layer.weight) * 0,
        **({} if layer.bias is None else {"bias": array(layer.bias)}),
        gradInput=np.zeros(0, np.float32),
        _type="torch.FloatTensor",
    )


def norm(layer: Any, library: str = "nn") -> Lua:
    return Lua(
        f"{library}.{'Spatial' if isinstance(layer, nn.BatchNorm2d) else ''}BatchNormalization",
        **{"eps": layer.eps, "momentum": 0.1, "affine": True, "train": True, "weight": array(layer.weight)},
        **{"bias": array(layer.bias), "running_mean": array(layer.running_mean)},
        running_var=array(layer.running_var),
    )


def view(*sizes: int, axes: int = 1) -> Lua:
    return Lua("nn.View", size=Sizes(sizes), numInputDims=axes, numElements=abs(int(np.prod(sizes))))


def settled(network: nn.Sequential, seed: int) -> nn.Sequential:
    """Weights and BatchNorm statistics other than the fresh ones."""
    draw = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=draw) * 0.6 + (0.5 if key.endswith("var") else -0.3))
    return network.eval()


def generator() -> nn.Sequential:
    return settled(
        nn.Sequential(
            nn.Unflatten(1, (Z, 1, 1)),
            nn.ConvTranspose2d(Z, WIDTH, 4),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH, eps=1e-3),
            nn.LeakyReLU(0.1),
            nn.ConvTranspose2d(WIDTH, 3, 5, 2, 2, 1),
            nn.Tanh(),
        ),
        0,
    )


def lua_generator(library: str = "nn", first_view: bool = True) -> Lua:
    _, first, bn, _, second, bn2, _, third, _ = generator()
    return sequence(
        *([view(Z, 1, 1)] if first_view else []),
        convolution(first, library),
        norm(bn, library),
        Lua(f"{library}.ReLU", inplace=True, threshold=0, val=0),
        sequence(convolution(second, library), norm(bn2, library), Lua("nn.LeakyReLU", negval=0.1, inplace=True)),
        convolution(third, library),
        Lua(f"{library}.Tanh"),
    )


def save(path: Path, thing: Any, **how: Any) -> Path:
    path.write_bytes(Writer(**how).bytes_of(thing))
    return path
