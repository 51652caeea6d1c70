"""Keras: HDF5 files of whole models and of weights alone, and ``.keras`` archives."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import GanlabError, Stored, StoredNetwork

from . import archives, bare_layers, chainer_links, hdf5, hdf5_state, keras_weights
from .budget import Budget
from .keras_config import KerasLayer, KerasModel, read_model
from .keras_layers import translate

if TYPE_CHECKING:
    import numpy as np

    from .bare_layers import BareLayer, Variable
    from .keras_weights import Located

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
LONGEST_CONFIG = 1 << 24  # bytes
DAMAGED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, OverflowError)


def recognises(path: Path) -> bool:
    """An archive named ``.keras``, or an HDF5 file that is neither a PyTorch state nor Chainer's."""
    if hdf5.is_hdf5(path):
        return not (hdf5_state.recognises(path) or chainer_links.recognises(path))
    return path.suffix.lower() == ".keras" and path.is_file()


def load(path: Path) -> Stored:
    """The networks of a Keras file.

    Raises:
        GanlabError: it is damaged, or is of a model that is no chain of known layers.
    """
    if hdf5.is_hdf5(path):
        return _of_hdf5(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return _of_archive(path)
    raise GanlabError(f"{path} is no Keras file.", "It would be HDF5, or a .keras archive.")


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a Keras file; see :class:`ganlab.CheckpointFormat`."""
    if hdf5.is_hdf5(path):
        return hdf5.rewrite(path, name, change)

    def with_weights(member: str, content: bytes) -> bytes:
        return hdf5.rewritten(path, content, change) if member == WEIGHTS else content

    return {name: archives.rewritten(path, with_weights)}


def _of_hdf5(path: Path) -> Stored:
    reader = hdf5.Reader(path)
    with hdf5.open_hdf5(path) as root:
        config = hdf5.text(root, "model_config")
        weights = hdf5.at(root, "model_weights") or root
        if config is None:
            named = "layer_names" in weights.attrs or "layer_names0" in weights.attrs
            bare = keras_weights.bare_by_name(weights, reader) if named else keras_weights.bare_numbered(root, reader)
            return _without_configuration(path, bare)
        model = _model(path, config)
        located = keras_weights.by_name(weights, model, reader)
    return _with_configuration(model, located)


def _of_archive(path: Path) -> Stored:
    config = _unpacked(path, CONFIG)
    content = _unpacked(path, WEIGHTS)
    model = _model(path, config)
    with hdf5.open_hdf5(path, content) as root:
        located = keras_weights.numbered(root, model, hdf5.Reader(path, len(content)))
    return _with_configuration(model, located)


def _unpacked(path: Path, name: str) -> bytes:
    """A file inside an archive, in memory.

    Raises:
        GanlabError: it is not there, is damaged, or would be far larger than the archive.
    """
    with archives.open_zip(path) as archive:
        if name not in archive.namelist():
            raise GanlabError(f"{path} holds no {name}.", "Is it a .keras archive? Save it with model.save.")
        member = archive.getinfo(name)
        Budget(path).take(member.file_size, name)
        return archive.read(member)


def _model(path: Path, config: str | bytes) -> KerasModel:
    """The model a configuration describes, as JSON.

    Raises:
        GanlabError: it is damaged, or no chain.
    """
    try:
        if len(config) > LONGEST_CONFIG:
            raise ValueError("it is too long")
        return read_model(json.loads(config))
    except DAMAGED as error:
        raise GanlabError(
            f"The configuration in {path} is damaged: {str(error)[:120]}.", "Fetch or copy it again."
        ) from error


def _with_configuration(model: KerasModel, located: Located) -> Stored:
    networks: list[StoredNetwork] = []
    shape: tuple[int, ...] | None = None
    for name, part in _networks(model):
        shape = _input_of(part) or shape
        layers = list(_layers(part, located, (name,) if name else ()))
        networks.append(translate(name, shape, layers)[0])
    return Stored(tuple(networks), "keras", eps=bare_layers.EPS, same_padding=True)


def _networks(model: KerasModel) -> Iterator[tuple[str, KerasModel]]:
    """The networks in a model: a generator followed by its discriminator are two."""
    first, *others = model.members
    if len(others) == 1 and isinstance(first, KerasModel) and isinstance(others[0], KerasModel):
        yield first.name, first
        yield others[0].name, others[0]
    else:
        yield "", model


def _input_of(model: KerasModel) -> tuple[int, ...] | None:
    """The shape a model says it takes, or else the model it begins with, or else its first layer."""
    while model.shape is None and model.members and isinstance(model.members[0], KerasModel):
        model = model.members[0]
    return model.shape


def _layers(
    model: KerasModel, located: Located, within: tuple[str, ...]
) -> Iterator[tuple[KerasLayer, Mapping[str, Variable]]]:
    for path, layer in model.layers(within):
        yield layer, located.get(path, {})


def _without_configuration(path: Path, layers: list[tuple[str, BareLayer]]) -> Stored:
    if not layers:
        raise GanlabError(f"{path} holds no weights of Keras layers.", "Is it HDF5 of another program?")
    found = tuple(
        StoredNetwork(name, bare_layers.parts(inside), side=bare_layers.side(name or path.name))
        for name, inside in bare_layers.networks(layers)
    )
    flat = any("order" in part.settings for network in found for part in network.parts)
    notes = (bare_layers.FLAT_NOTE,) if flat else ()
    return Stored(found, "keras", eps=bare_layers.EPS, same_padding=True, notes=notes)
