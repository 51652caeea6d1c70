"""Files written by ``torch.save``: read as data, never as code. Networks are found however they are nested."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganlab.checkpoints import options_beside, plain_arrays
from ganlab.checkpoints.careful import look_through_file, torch_unzips
from ganlab.checkpoints.pickles import asks_for_room, check_no_program, describe_pickle, foreign_classes
from ganlab.errors import GanlabError
from ganlab.recovery.parts import check_stored, has_role, left_out, parts_of
from ganlab.recovery.stored import Part, Stored, StoredNetwork
from ganlab.wording import few

SUFFIXES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".tar", ".pyt")
JOBLIB = (".jl", ".joblib")  # pickles too, but of others
PICKLE = "data.pkl"  # in torch's zips: what was saved, without the numbers of tensors
PICKLE_START, ZIP_START = b"\x80", b"PK"
DEEPEST = 6  # containers inside each other
SHOWN = 3  # names of tensors that a note lists
# words of keys that name a network: a state dict in which several of them stand holds several
DISCRIMINATOR_WORDS = {"discriminator", "dis", "disc", "d", "netd", "critic", "d_net", "model_d"}
EMA_PYTORCH = {"online_model", "ema_model"}  # of the package of that name: a network, and the average of it
NETWORK_WORDS = {"generator", "gen", "g", "netg", "g_net", "model_g", "decoder"} | DISCRIMINATOR_WORDS | EMA_PYTORCH
OF_AVERAGES = re.compile(r"^(ema|avg)_|_(ema|avg)$")  # what such a word has more where the weights are averaged


def recognises(path: Path) -> bool:
    """A file that begins as a pickle or a zip of torch's does, or whose name says so."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(2)
    if start == ZIP_START:
        return _is_torch_zip(path)
    return (start[:1] == PICKLE_START and path.suffix.lower() not in JOBLIB) or path.suffix.lower() in SUFFIXES


def load(path: Path) -> Stored:
    """The networks in a file.

    Raises:
        GanlabError: a damaged file, one that holds objects instead of weights (nothing of it was run), or no network.
    """
    return stored_in(read(path), path, "pytorch")


def stored_in(document: Any, path: Path, format: str) -> Stored:
    """The networks in what a file holds.

    Raises:
        GanlabError: none, or none that is read here.
    """
    networks, notes = [], []
    problem: GanlabError | None = None
    for name, tensors in state_dicts(document, path):
        try:
            parts = parts_of(tensors)
            networks.append(StoredNetwork(name, parts, side=_side(name)))
        except GanlabError as error:
            problem = problem or error
            notes.append(f"{name} was left out: {error.message}")
            continue
        if unknown := left_out(tensors):
            notes.append(
                f"Tensors of no layer known here were left out, so that pictures may differ: {few(unknown, SHOWN)}."
            )
        if one_sided := [part.name for part in parts if part.kind == "norm" and _one_sided(part)]:
            notes.append(
                "Norms of PyTorch's have a scale and a shift, or neither; the file holds one of both, the other was "
                f"taken for what changes nothing, so that pictures may differ: {few(one_sided, SHOWN)}."
            )
    if not networks:
        assert problem is not None
        raise GanlabError(f"{path}: {problem}", problem.hint) from problem
    return Stored(tuple(networks), format, notes=tuple(notes), keeps_statistics=True)


def rewrite(path: Path, name: str, change: Callable[[str, np.ndarray], np.ndarray]) -> dict[str, bytes]:
    """A copy of a file; see :class:`ganlab.CheckpointFormat`. What tensors share and how they lie in memory stays.

    Raises:
        GanlabError: as :func:`load`; a tensor that claims more numbers than the file holds.
    """
    document = read(path)
    change_in(document, change)
    buffer = io.BytesIO()
    torch.save(document, buffer, _use_new_zipfile_serialization=zipfile.is_zipfile(path))
    return {name: buffer.getvalue()}


def change_in(document: Any, change: Callable[[str, np.ndarray], np.ndarray]) -> None:
    """Put every tensor of floating point numbers of the networks in what a file holds through a change, in place.

    Raises:
        GanlabError: a tensor that claims more numbers than the file holds.
    """
    for network, _, tensors in networks_in(document):
        for key, stored in tensors.items():
            if stored.is_floating_point():
                check_stored(key, stored)
                numbers = stored.detach()
                before = numbers.to(torch.float64 if stored.dtype == torch.float64 else torch.float32).numpy()
                numbers.copy_(torch.from_numpy(change(f"{network}.{key}".lstrip("."), before)))


def state_dicts(document: Any, path: Path) -> list[tuple[str, Mapping[str, torch.Tensor]]]:
    """Every state dict in what a file holds, with the words that lead to it.

    Raises:
        GanlabError: there is none.
    """
    found = [(name, tensors) for name, _, tensors in networks_in(document)]
    if not found:
        raise GanlabError(f"{path} holds no network's weights.", "Save them where it was made: generator.state_dict()")
    return found


def read(path: Path) -> Any:
    """What the file holds, built of tensors, numbers, texts and containers only.

    Raises:
        GanlabError: it is damaged, is a program, pickles objects, or would take more memory than it is large
            or time without end.
    """
    check_zip(path)
    check_no_program(path)
    if name := asks_for_room(path):
        raise GanlabError(
            f"{path} calls {name}, which takes as much memory as it says: it was not opened.",
            "Save the weights where it was made: torch.save(generator.state_dict(), FILE).",
        )
    try:
        with warnings.catch_warnings(action="ignore"), _known_names():  # advice on pickles, not for the user
            look_through_file(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler met: truncated, foreign and hostile files
        if classes := foreign_classes(path):
            raise GanlabError(
                f"{path} pickles whole objects ({', '.join(classes[:3])}): opening it could run code, so it was not.",
                "Save the weights where it was made, torch.save(generator.state_dict(), FILE); or, if you trust "
                "it and have its code, name the class: --gan MODULE:CLASS+FILE --trust",
            ) from error
        if isinstance(error, GanlabError):
            raise
        if what := describe_pickle(path):
            raise GanlabError(f"{path} holds {what}, no weights.", "Is another file beside it the network?") from error
        raise GanlabError(
            f"{path} is damaged or is no PyTorch file ({type(error).__name__}).", "Fetch or copy it again."
        ) from error


def _known_names() -> AbstractContextManager[None]:
    """That training states may hold numbers and arrays of numpy's, and options."""
    known = plain_arrays.KNOWN | options_beside.KNOWN
    return torch.serialization.safe_globals([(meant, name) for name, meant in known.items()])


def _is_torch_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.casefold().endswith(PICKLE) for name in archive.namelist()[:20])
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.suffix.lower() in SUFFIXES


def check_zip(path: Path) -> None:
    """That a zip unpacks to no more than it is, and that torch finds the members in it that are looked through here.

    Torch packs nothing, so a file that grows was made to hurt. It takes names for the same that differ by case, and
    the table of contents for where the zip's end says that it is.

    Raises:
        GanlabError: it is damaged, grows, or can be read in two ways.
    """
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            twofold = _reads_in_two_ways(archive) if torch_unzips(path) else ""
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise GanlabError(f"{path} is a damaged zip file.", "Fetch or copy it again.") from error
    if size > 4 * path.stat().st_size + 2**20:
        raise GanlabError(f"{path} would unpack to {size / 2**30:.1f} GiB.", "It was not opened; fetch it again.")
    if twofold:
        raise GanlabError(f"{path} is a zip of two faces ({twofold}): it was not opened.", "Fetch or copy it again.")


def _reads_in_two_ways(archive: zipfile.ZipFile) -> str:
    """Why torch may find something else in a zip than Python does; empty where nothing speaks for it."""
    names = [name.casefold() for name in archive.namelist()]
    if len(set(names)) < len(names):
        return "names in it differ by case alone, or not at all"
    if sum(name.rpartition("/")[2] == PICKLE for name in names) > 1:
        return f"several {PICKLE} in it"
    end = zipfile._EndRecData(archive.fp)  # type: ignore[attr-defined]
    if archive.start_dir != end[zipfile._ECD_OFFSET]:  # type: ignore[attr-defined]
        return "its table of contents does not lie where it says"
    return ""


Found = tuple[str, Mapping[str, Any], Mapping[str, torch.Tensor]]


def networks_in(document: Any) -> list[Found]:
    """Every state dict in nested containers, each once; optimizers' are none, nor are tensors that lie beside networks.

    Returns:
        For each the words that lead to it, the container it lies in, perhaps beside other things, and its tensors.
    """
    found = list(_state_dicts(document, "", set()))
    return [one for one in found if _of_layers(one[2])] or found


def _state_dicts(document: Any, name: str, seen: set[int], depth: int = 0) -> Iterator[Found]:
    """Those below first; a mapping's own tensors where nothing lies below, or where their keys are those of layers."""
    if depth > DEEPEST or not isinstance(document, (Mapping, list, tuple)) or id(document) in seen:
        return
    seen.add(id(document))
    items = document.items() if isinstance(document, Mapping) else [(str(n), one) for n, one in enumerate(document)]
    held = {key: value for key, value in items if isinstance(key, str)}
    below = False
    for key, value in held.items():
        if "optim" not in key.lower():
            for found in _state_dicts(value, _joined(name, key), seen, depth + 1):
                below = True
                yield found
    tensors = {key: value for key, value in held.items() if isinstance(value, torch.Tensor)}
    if isinstance(document, Mapping) and _weighs(tensors) and (not below or _of_layers(tensors)):
        yield from _networks(document, tensors, name)


def _networks(document: Mapping[str, Any], tensors: dict[str, torch.Tensor], name: str) -> Iterator[Found]:
    """One state dict, or several where a word of the keys, the first in which they differ, is a network's name."""
    inside = _by_word(tensors)
    if sum(_names_a_network(word) for word in inside) < 2:
        yield name, document, tensors
        return
    for word, some in inside.items():
        if _weighs(some):
            yield _joined(name, word), document, some


def _by_word(tensors: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors by the first word in which their keys differ, without those whose keys are a single word."""
    words = {key: key.split(".") for key in tensors if "." in key}
    shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*words.values(), strict=False)))
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, some in words.items():
        found.setdefault(".".join(some[shared : shared + 1]), {})[key] = tensors[key]
    return found


def _joined(name: str, word: str) -> str:
    return f"{name}.{word}" if name else word


def _weighs(tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether there is a matrix or a kernel among them."""
    return any(value.ndim > 1 for value in tensors.values())


def _of_layers(tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether a key of a matrix or a kernel says that it is a layer's."""
    return any(value.ndim > 1 and has_role(key) for key, value in tensors.items())


def _names_a_network(word: str, words: Iterable[str] = NETWORK_WORDS) -> bool:
    return not {word.lower(), OF_AVERAGES.sub("", word.lower())}.isdisjoint(words)


def _one_sided(part: Part) -> bool:
    return ("weight" in part.tensors) != ("bias" in part.tensors)


def _side(name: str) -> Any:
    return "discriminator" if _names_a_network(name.rpartition(".")[2], DISCRIMINATOR_WORDS) else None
