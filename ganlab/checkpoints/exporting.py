"""Write a GAN back into the file format it came from, under the names that its makers' code knows."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ganlab.checkpoints import pytorch
from ganlab.errors import GanlabError
from ganlab.gan import Gan

HDF5_START = b"\x89HDF\r\n\x1a\n"


def export_gan(gan: Gan, like: Path, out: Path) -> int:
    """Write ``out`` as ``like`` with this GAN's weights in the places where they once came from.

    Args:
        gan: read from ``like`` once, or made from such a GAN; its card knows the keys.
        like: a PyTorch file, or HDF5 with PyTorch's tensors in it. It stays as it is.
        out: must not exist.

    Returns:
        How many tensors differ from those in ``like``.

    Raises:
        GanlabError: a card without keys, a file of another format or shape, or one that cannot be written.
    """
    if out.exists():
        raise GanlabError(f"{out} already exists.", "Choose another --out.")
    if not like.is_file():
        raise GanlabError(f"There is no file {str(like)!r}.", "Give --like the file that the GAN came from.")
    tensors = _by_key(gan)
    with tempfile.TemporaryDirectory(prefix=".ganlab-", dir=out.parent if out.parent.is_dir() else None) as folder:
        beside = Path(folder) / out.name
        if _starts_with(like, HDF5_START):
            changed = _into_hdf5(tensors, like, beside)
        else:
            changed = _into_torch(tensors, like, beside)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            os.replace(beside, out)
        except OSError as error:
            raise GanlabError(f"{out} could not be written: {error.strerror}.", "Choose another --out.") from error
    return changed


def _starts_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _by_key(gan: Gan) -> dict[str, torch.Tensor]:
    """The GAN's tensors under the keys of the file."""
    source = gan.card.facts.get("source", {})
    if source.get("format") not in ("pytorch", "torch-hdf5"):
        raise GanlabError(
            f"{gan.name} does not come from a PyTorch file.", "Only such GANs can be written back; others: convert."
        )
    found: dict[str, torch.Tensor] = {}
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
        found |= {key: state[ours] for ours, key in keys.items() if ours in state}
    return found


def _into_torch(tensors: Mapping[str, torch.Tensor], like: Path, out: Path) -> int:
    document = pytorch.read(like)
    filled: set[str] = set()
    changed = _filled(document, tensors, filled)
    _check_all(tensors, filled, like)
    torch.save(document, out)
    return changed


def _filled(document: Any, tensors: Mapping[str, torch.Tensor], filled: set[str]) -> int:
    """Overwrite, wherever they are nested, the tensors of these keys."""
    changed = 0
    if isinstance(document, dict):
        for key, value in document.items():
            if isinstance(value, torch.Tensor) and key in tensors:
                _check_shape(key, value.shape, tensors[key])
                new = tensors[key].to(value.dtype).contiguous()
                changed += not torch.equal(new, value.cpu())
                document[key] = new
                filled.add(key)
            elif isinstance(value, dict):
                changed += _filled(value, tensors, filled)
    return changed


def _into_hdf5(tensors: Mapping[str, torch.Tensor], like: Path, out: Path) -> int:
    try:
        import h5py
    except ImportError as error:
        raise GanlabError("HDF5 files need h5py.", 'pip install "ganlab[formats]"') from error
    shutil.copyfile(like, out)
    changed, filled = 0, set()
    with h5py.File(out, "r+") as file:
        for key, value in tensors.items():
            if key in file:
                _check_shape(key, file[key].shape, value)
                changed += not torch.equal(torch.from_numpy(file[key][()]), value)
                file[key][...] = value.numpy()
                filled.add(key)
    _check_all(tensors, filled, like)
    return changed


def _check_shape(key: str, shape: Any, value: torch.Tensor) -> None:
    if tuple(shape) != tuple(value.shape):
        raise GanlabError(f"{key!r} has another shape in that file.", "Is it the file that the GAN came from?")


def _check_all(tensors: Mapping[str, torch.Tensor], filled: set[str], like: Path) -> None:
    missing = sorted(set(tensors) - filled)
    if missing:
        raise GanlabError(f"{like} has no {missing[0]!r}.", "Is it the file that the GAN came from?")
