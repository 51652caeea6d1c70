"""The file that a GAN came from, read once more by what the GAN's card says of it: nothing is worked out again."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab.checkpoints.opening import loaded
from ganlab.errors import GanlabError
from ganlab.formats import reading
from ganlab.networks.weights import COUNTER
from ganlab.recovery.building import prefix_of, tensors_of
from ganlab.recovery.stored import Stored, StoredNetwork
from ganlab.recovery.tables import filled
from ganlab.writing import write_new_files

if TYPE_CHECKING:
    import torch

    from ganlab.checkpoints import CheckpointFormat
    from ganlab.checkpoints.tracing import Change, Files, Tensors
    from ganlab.gan import Gan, Side

SIDES: tuple[Side, ...] = ("generator", "discriminator")
STATISTICS = ("running_mean", "running_var")


class Origin:
    """A file, and where in it which network of a GAN lies.

    Args:
        gan: its card knows the layers, and the keys that their parameters have in the file.
        format: of the file; it can rewrite.
        path: the file.

    Attributes:
        stored: what the file holds.
        left_out: the GAN's networks that the file does not hold: they came from another one.

    Raises:
        GanlabError: the file cannot be read, or holds no such networks; several that could be meant.
    """

    def __init__(self, gan: Gan, format: CheckpointFormat, path: Path) -> None:
        self.gan, self.format, self.path = gan, format, path
        self._source = gan.card.facts["source"]
        networks = {side: gan.generator if side == "generator" else gan.discriminator for side in SIDES}
        self._networks = {side: network for side, network in networks.items() if network is not None}
        self.stored = self._stored(path)
        self._homes = self._found(self.stored.networks)
        self.left_out = tuple(side for side in self._networks if side not in self._homes)

    def wanted(self) -> Tensors:
        """The parameters of the GAN's networks that the file holds, and the statistics of their norms."""
        return {
            (side, name): value.detach().cpu().float()
            for side in self._homes
            for name, value in self._networks[side].state_dict().items()
            if not name.endswith(COUNTER)
        }

    def weights(self) -> Tensors:
        """The same as the file has them, without those that it does not hold."""
        return self._weights(self.path)

    @property
    def called(self) -> str:
        """What the file calls the GAN's generator, or the discriminator where it holds just that; may be empty."""
        return self.stored.networks[next(self._homes[side] for side in SIDES if side in self._homes)].name

    def held(self) -> Gan:
        """The GAN as the file has it: the networks that it holds, their numbers as its precision rounds them."""
        networks = {side: copy.deepcopy(self._networks[side]) for side in self._homes}
        weights = self.weights()
        for side, network in networks.items():
            own = {name: value for (of, name), value in weights.items() if of == side}
            network.load_state_dict(own, strict=False)
        return self.gan.with_networks(networks.get("generator"), networks.get("discriminator"))

    def copy(self, change: Change, name: str = "") -> Files:
        """The files of a copy whose arrays went through a change; it is called ``name``, or as the file is."""
        assert self.format.rewrite is not None
        with reading(self.format, str(self.path)):
            return self.format.rewrite(self.path, name or self.path.name, change)

    def weights_of(self, files: Files, name: str = "") -> Tensors:
        """What :meth:`weights` would be of a copy."""
        with tempfile.TemporaryDirectory(prefix="ganlab-", ignore_cleanup_errors=True) as folder:
            write_new_files(Path(folder), files)
            place = Path(folder) / (name or self.path.name)
            # in memory: Windows removes no file in which tensors lie
            return {parameter: value.clone() for parameter, value in self._weights(place).items()}

    def key(self, side: str, name: str) -> str:
        """What the file calls a parameter; its own name where the card does not say."""
        return str(self._keys(side).get(name, name))

    def _keys(self, side: str) -> Mapping[str, str]:
        keys: Mapping[str, str] = self._source.get("keys", {}).get(side, {})
        return keys

    def _weights(self, path: Path) -> Tensors:
        stored = self._stored(path)
        return {
            (side, name): value
            for side, home in self._homes.items()
            for name, value in self._filling(side, stored.networks[home]).items()
        }

    def _stored(self, path: Path) -> Stored:
        stored = loaded(self.format, path, str(path))
        if not isinstance(stored, Stored):
            raise GanlabError(f"{path} is a whole GAN, not bare weights.", "checkpoints convert writes such a one.")
        return stored

    def _filling(self, side: Side, network: StoredNetwork) -> dict[str, torch.Tensor]:
        """A network's tensors as parameters of the card's layers; those of parts that it lacks are left out."""
        by_key = {key: part for part in network.parts for key in part.keys.values()}
        named = {name.rpartition(".")[0]: by_key[key] for name, key in self._keys(side).items() if key in by_key}
        tables = self.gan.card.architecture[side]
        parts = [replace(named[at], name=table["name"]) for table in tables if (at := prefix_of(table)) in named]
        layers = filled(replace(network, parts=tuple(parts), layers=tuple(tables)))
        filling: dict[str, torch.Tensor] = {}
        for table, part in layers:
            if part is not None:
                filling |= tensors_of({**table, "name": part.name}, part)
        return filling

    def _found(self, stored: tuple[StoredNetwork, ...]) -> dict[Side, int]:
        """Side -> number of the file's network that it came from: the one of its name, else the only one that it fits.

        A side that fits none is left out: the networks of a GAN may come from several files.

        Raises:
            GanlabError: no side fits any, or one fits several.
        """
        found: dict[Side, int] = {}
        lacking: list[str] = []
        for side in self._networks:
            free = [number for number in range(len(stored)) if number not in found.values()]
            called = self._source.get("networks", {}).get(side)  # cards of older versions do not say it
            named = [number for number in free if called in (stored[number].name, self._in_folder(stored[number].name))]
            misfits = {number: self._misfit(side, stored[number]) for number in named or free}
            fitting = [number for number, misfit in misfits.items() if not misfit]
            if len(fitting) > 1:
                names = ", ".join(stored[number].name for number in fitting)
                raise GanlabError(
                    f"{self.path} holds several networks that the {side} could come from: {names}.",
                    "Its card does not say which. Open that file again and repeat the edit: cards say it now.",
                )
            if fitting:
                found[side] = fitting[0]
            else:
                only = next(iter(misfits.values())) if len(misfits) == 1 else ""
                lacking.append(only or f"holds no network that the {side} came from")
        if not found:
            raise GanlabError(f"{self.path} {lacking[0]}.", "Is it the file that it came from?")
        return found

    def _in_folder(self, name: str) -> str:
        """How a network is called where all files of a folder were opened."""
        return f"{self.path.name}.{name}".rstrip(".")

    def _misfit(self, side: Side, network: StoredNetwork) -> str:
        """Why a network is not the one that this side came from; empty where it is."""
        filling = self._filling(side, network)
        for name, value in self._networks[side].state_dict().items():
            key = self.key(side, name)
            if name in filling and filling[name].shape != value.shape:
                return f"has {key!r} in another shape"
            if name not in filling and name in self._keys(side):
                return f"has no {key!r}"
        return ""
