"""The chain that a Keras model becomes, while it is written: its tables, its parts, and the order of flat features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError, Part

from .bare_layers import Variable, part, safe
from .keras_config import KerasLayer

if TYPE_CHECKING:
    import numpy as np

LARGEST = 1 << 24  # features in one place: a picture of 4096x4096
SETTINGS = ("stride", "padding", "output_padding", "eps")


class Translation:
    """Tables and parts so far.

    Attributes:
        shape: what comes out so far, without the batch: (n,) or (c, h, w).
        tables, parts: as a StoredNetwork has them.
    """

    def __init__(self, channels_first: bool) -> None:
        self.channels_first = channels_first
        self.shape: tuple[int, ...] = ()
        self.tables: list[dict[str, Any]] = []
        self.parts: list[Part] = []
        # flat feature i here is Keras's feature _order[i]; None where both count alike
        self._order: np.ndarray | None = None
        # where in parts the Dense lies whose outputs have not been mixed since, and what follows it
        self._since_dense: int | None = None

    def begin(self, shape: tuple[int, ...] | None, first: tuple[KerasLayer, Mapping[str, Variable]] | None) -> None:
        """Take what goes in: as stated, else as the first layer's kernel has it.

        Raises:
            GanlabError: a picture of unknown size; no flat features and no picture.
        """
        if shape is None and first is not None and first[0].kind == "Dense" and "kernel" in first[1]:
            shape = first[1]["kernel"].values.shape[:1]
        if shape is None or len(shape) not in (1, 3):
            raise GanlabError(
                "The Keras model does not say what size of picture or how many features it takes.",
                "Build it with an input shape before it is saved.",
            )
        self.shape = self._channels_first(shape)
        _bounded(self.shape, "what goes in")
        if len(shape) == 3 and self.shape[1:] == (1, 1):  # z as a picture of one pixel
            self.add("z", {"kind": "reshape", "shape": list(self.shape)})

    def flat(self, layer: KerasLayer) -> tuple[int]:
        """How many features come in, which have to be flat.

        Raises:
            GanlabError: they are a picture.
        """
        if len(self.shape) != 1:
            raise layer.fault(f"a picture {self.shape} as its input")
        return (self.shape[0],)

    def picture(self, layer: KerasLayer) -> tuple[int, int, int]:
        """Maps, height and width of what comes in, which has to be a picture.

        Raises:
            GanlabError: it is flat, or its channels lie elsewhere than in the layers before.
        """
        if len(self.shape) != 3:
            raise layer.fault(f"{self.shape[0]} flat features as its input")
        if self.channels_first and layer.config.get("data_format") == "channels_last":
            raise layer.fault("channels last, where others have them first")
        return self.shape[0], self.shape[1], self.shape[2]

    def check_axis(self, layer: KerasLayer) -> None:
        """See that a normalisation is one of maps, as torch's are.

        Raises:
            GanlabError: it goes along another axis.
        """
        axis = layer.config.get("axis", -1)
        axes = axis if isinstance(axis, list) else [axis]
        of_maps = [1] if self.channels_first or len(self.shape) == 1 else [3]
        if axes != of_maps and not (axes == [-1] and (len(self.shape) == 1 or not self.channels_first)):
            raise layer.fault(f"axis {axis!r}")

    def check(self, layer: KerasLayer, variable: Variable, shape: tuple[int, ...]) -> None:
        """See that a variable is as large as the configuration says.

        Raises:
            GanlabError: it is not.
        """
        if variable.values.shape != shape:
            raise GanlabError(
                f"The Keras layer {layer.name!r} has weights {variable.values.shape}; its configuration says {shape}.",
                "The file mixes two models, or is damaged.",
            )

    def add(self, name: str, table: Mapping[str, Any]) -> str:
        """Append a layer; returns its name in the chain."""
        taken = {known["name"] for known in self.tables}
        name = own = safe(name)
        number = 2
        while name in taken:
            name, number = f"{own}_{number}", number + 1
        self.tables.append({"name": name, **table})
        return name

    def add_part(
        self, layer: KerasLayer, variables: Mapping[str, Variable], kind: str, table: Mapping[str, Any]
    ) -> None:
        """Append a layer with weights, which is also a part; flat features are permuted as they come in.

        Raises:
            GanlabError: a variable that does not fit.
        """
        kept = {name: one for name, one in variables.items() if name in layer.variable_names()}
        if kind in ("norm", "prelu"):
            kept = {name: self._as_it_comes_in(layer, one) for name, one in kept.items()}
        if kind == "linear":
            if self._order is not None:
                kernel = kept["kernel"]
                kept["kernel"] = Variable(kernel.values[self._order], kernel.key)
            self._order, self._since_dense = None, len(self.parts)
        if "bias" in kept:
            self.check(layer, kept["bias"], (int(table["outputs"]),))
        settings = {name: table[name] for name in SETTINGS if name in table}
        self.parts.append(part(kind, self.add(layer.name, table), kept, settings))

    def add_norm(self, layer: KerasLayer, variables: Mapping[str, Variable], table: Mapping[str, Any]) -> None:
        """Append a normalisation; a scale or shift it does without is filled in where it has the other."""
        import torch

        self.add_part(layer, variables, "norm", table)
        whole = dict(self.parts[-1].tensors)
        if table.get("affine", True):
            whole.setdefault("weight", torch.ones(self.shape[0]))
            whole.setdefault("bias", torch.zeros(self.shape[0]))
        self.parts[-1] = replace(self.parts[-1], tensors=whole)

    def _as_it_comes_in(self, layer: KerasLayer, variable: Variable) -> Variable:
        """One number a map or flat feature, in the order in which these come."""
        self.check(layer, variable, (self.shape[0],))
        if self._order is None or len(self.shape) == 3:
            return variable
        return Variable(variable.values[self._order], variable.key)

    def flatten(self, layer: KerasLayer) -> None:
        """A picture becomes flat: torch counts (c, h, w) where Keras counts (h, w, c)."""
        if len(self.shape) == 1:
            return
        # a Flatten that is told nothing of channels first takes the picture as it lies
        as_it_lies = self.channels_first and layer.config.get("data_format") != "channels_first"
        self._to_flat(layer.name, None if as_it_lies else _maps_first(self.shape))

    def _to_flat(self, name: str, order: np.ndarray | None) -> None:
        self.add(name, {"kind": "flatten"})
        self._order = order
        self._since_dense = None
        self.shape = (math.prod(self.shape),)

    def reshape(self, layer: KerasLayer, target: Any) -> None:
        """Features in another shape; the Dense before is permuted where flat features become a picture.

        Raises:
            GanlabError: numbers do not fit, or would have to be permuted with no Dense before.
        """
        shape = self._target(layer, target)
        if len(shape) == 1:
            if len(self.shape) == 3:
                self._to_flat(layer.name, None if self.channels_first else _maps_first(self.shape))
            return
        wanted = None if self.channels_first else _maps_first(shape)
        have = self._order
        if len(self.shape) == 3 and not self.channels_first:
            have = _maps_first(self.shape)
        if not _alike(have, wanted):
            self._permute_dense(layer, have, wanted)
        self.add(layer.name, {"kind": "reshape", "shape": list(shape)})
        self.shape, self._order, self._since_dense = shape, None, None

    def _target(self, layer: KerasLayer, target: Any) -> tuple[int, ...]:
        """The shape asked for, in torch's order, with -1 worked out."""
        features = math.prod(self.shape)
        sides = list(target) if isinstance(target, list) else [target]
        if sides.count(-1) == 1:
            rest = math.prod(side for side in sides if side != -1)
            sides[sides.index(-1)] = features // rest if rest > 0 else 0
        if len(sides) not in (1, 3) or math.prod(sides) != features or min(sides) < 1:
            raise layer.fault(f"target_shape {target!r} for {features} features")
        return self._channels_first(tuple(sides))

    def _permute_dense(self, layer: KerasLayer, have: np.ndarray | None, wanted: np.ndarray | None) -> None:
        """Bring the outputs of the last Dense, and what follows it flat, into the order of (c, h, w)."""
        import torch

        if self._since_dense is None or have is not None or wanted is None:
            raise layer.fault(f"the order of {math.prod(self.shape)} features in the way and no Dense right before it")
        rows = torch.from_numpy(wanted)
        for number in range(self._since_dense, len(self.parts)):
            one = self.parts[number]
            self.parts[number] = replace(one, tensors={role: values[rows] for role, values in one.tensors.items()})

    def _channels_first(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[2], shape[0], shape[1]) if len(shape) == 3 and not self.channels_first else tuple(shape)


def _maps_first(shape: tuple[int, ...]) -> np.ndarray | None:
    """Of features in the order (c, h, w), the place each has in the order (h, w, c); None where both are one.

    Raises:
        GanlabError: too many of them.
    """
    import numpy as np

    maps, high, wide = shape
    _bounded(shape, "a picture that becomes flat")
    if maps == 1 or high * wide == 1:
        return None
    return np.arange(maps * high * wide).reshape(high, wide, maps).transpose(2, 0, 1).reshape(-1)


def _alike(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    import numpy as np

    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))


def _bounded(shape: tuple[int, ...], what: str) -> None:
    if math.prod(shape) > LARGEST:
        raise GanlabError(f"The Keras model says that {what} is {shape}, which is too large.", "Is it damaged?")
