"""Write a GAN back into the file format it came from, under the names that its makers' code knows."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganlab.checkpoints import pytorch
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.writing import write_file

HDF5_START = b"\x89HDF\r\n\x1a\n"

Tensors = Mapping[str, torch.Tensor]
Shapes = Mapping[str, tuple[int, ...]]


def export_gan(gan: Gan, like: Path, out: Path) -> int:
    """Write ``out`` as ``like`` with this GAN's weights in the places where they once came from.

    Args:
        gan: read from ``like`` once, or made from such a GAN; its card knows the keys, and in which network they are.
        like: a PyTorch file, or HDF5 with PyTorch's tensors in it. It stays as it is.
        out: must not exist.

    Returns:
        How many tensors differ from those in ``like``.

    Raises:
        GanlabError: a card without keys, a file of another format or shape or with several networks that could be
            meant, or one that cannot be written.
    """
    if out.exists():
        raise GanlabError(f"{out} already exists.", "Choose another --out.")
    if not like.is_file():
        raise GanlabError(f"There is no file {str(like)!r}.", "Give --like the file that the GAN came from.")
    tensors = _by_key(gan)
    into = _into_hdf5 if _starts_with(like, HDF5_START) else _into_torch
    changed, content = into(tensors, _networks(gan), like)
    write_file(out, content)
    return changed


def _starts_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _networks(gan: Gan) -> Mapping[str, str]:
    """Side -> what its network is called in the file; cards of older versions do not say it."""
    return gan.card.facts["source"].get("networks", {})


def _by_key(gan: Gan) -> dict[str, dict[str, torch.Tensor]]:
    """Each side's tensors under the keys of the file."""
    source = gan.card.facts.get("source", {})
    if source.get("format") not in ("pytorch", "torch-hdf5"):
        raise GanlabError(
            f"{gan.name} does not come from a PyTorch file.", "Only such GANs can be written back; others: convert."
        )
    found: dict[str, dict[str, torch.Tensor]] = {}
    for side, network in (("generator", gan.generator), ("discriminator", gan.discriminator)):
        if network is None:
            continue
        keys, state = source.get("keys", {}).get(side, {}), network.state_dict()
        computed = sorted({name for name, _ in network.named_parameters()} - set(keys))
        if computed:
            raise GanlabError(
                f"{computed[0]!r} was computed from several tensors of that file, so it cannot be written back.",
                "Spectral and weight normalisation store no weight itself; checkpoints convert writes it all the same.",
            )
        found[side] = {key: state[ours] for ours, key in keys.items() if ours in state}
    return found


def _into_torch(sides: Mapping[str, Tensors], names: Mapping[str, str], like: Path) -> tuple[int, bytes]:
    document = pytorch.read(like)
    holders = {name: (holder, tensors) for name, holder, tensors in pytorch.networks_in(document)}
    shapes = {name: _shapes(tensors) for name, (_, tensors) in holders.items()}
    changed = 0
    for side, place in _places(sides, names, shapes, like).items():
        holder: Any = holders[place][0]
        for key, value in sides[side].items():
            new = value.to(holder[key].dtype).contiguous()
            changed += not torch.equal(new, holder[key])
            holder[key] = new
    buffer = io.BytesIO()
    torch.save(document, buffer)
    return changed, buffer.getvalue()


def _into_hdf5(sides: Mapping[str, Tensors], names: Mapping[str, str], like: Path) -> tuple[int, bytes]:
    try:
        import h5py
    except ImportError as error:
        raise GanlabError("HDF5 files need h5py.", 'pip install "ganlab[formats]"') from error
    buffer = io.BytesIO(like.read_bytes())
    changed = 0
    with h5py.File(buffer, "r+") as file:
        shapes = {"": _shapes({key: file[key] for tensors in sides.values() for key in tensors if key in file})}
        for side in _places(sides, names, shapes, like):
            for key, value in sides[side].items():
                changed += not torch.equal(torch.from_numpy(file[key][()]), value)
                file[key][...] = value.numpy()
    return changed, buffer.getvalue()


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in tensors.items()}


def _places(
    sides: Mapping[str, Tensors], names: Mapping[str, str], shapes: Mapping[str, Shapes], like: Path
) -> dict[str, str]:
    """Side -> which of the file's networks it came from: the one of its name, else the only one that it fits.

    Args:
        sides: each side's tensors by key.
        names: what the card says; of a file in a folder, its name stands before.
        shapes: of all networks of the file by name.

    Raises:
        GanlabError: none, or several.
    """
    places: dict[str, str] = {}
    for side, tensors in sides.items():
        free = {name: shape for name, shape in shapes.items() if name not in places.values()}
        named = {name for name in free if names.get(side) in (name, f"{like.name}.{name}")}
        misfits = {name: _misfit(tensors, free[name]) for name in named or free}
        fitting = [name for name, misfit in misfits.items() if not misfit]
        if len(fitting) > 1:
            raise GanlabError(
                f"{like} holds several networks that the {side} could come from: {', '.join(fitting)}.",
                "Its card does not say which. Open that file again and repeat the edit: cards say it now.",
            )
        if not fitting:
            why = next(iter(misfits.values())) if len(misfits) == 1 else f"holds no network that the {side} came from"
            raise GanlabError(
                f"{like} {why}.",
                "Is it the file that the GAN came from? Networks of several files are opened and exported one by one.",
            )
        places[side] = fitting[0]
    return places


def _misfit(tensors: Tensors, shapes: Shapes) -> str:
    """Why these are not a network's tensors; empty where they are."""
    for key, value in tensors.items():
        if key not in shapes:
            return f"has no {key!r}"
        if shapes[key] != tuple(value.shape):
            return f"has {key!r} in another shape"
    return ""
