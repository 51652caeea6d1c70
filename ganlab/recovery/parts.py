"""Tensors of a PyTorch state dict, grouped into layers, whatever their keys are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from ganlab.errors import GanlabError
from ganlab.recovery.stored import Kind, Part

# last word of a key -> role; the words of torch, and of others whose tensors are written in its layout
ROLE_OF = {
    "weight": "weight",
    "w": "weight",
    "kernel": "weight",
    "gamma": "weight",
    "scale": "weight",
    "bias": "bias",
    "b": "bias",
    "beta": "bias",
    "running_mean": "mean",
    "moving_mean": "mean",
    "running_var": "variance",
    "moving_variance": "variance",
    "num_batches_tracked": "batches",
    # spectral normalisation, in both of torch's spellings and that of the modules that came before them
    "weight_orig": "original",
    "weight_bar": "original",
    "weight_u": "u",
    "weight_v": "v",
    "parametrizations.weight.original": "original",
    "parametrizations.weight.0._u": "u",
    "parametrizations.weight.0._v": "v",
    # weight normalisation; its v is the direction
    "weight_g": "length",
    "parametrizations.weight.original0": "length",
    "parametrizations.weight.original1": "v",
}
WRAPPERS = ("module.", "_orig_mod.", "net.module.")
MOST_TENSORS = 5000
VECTORS_OF_NORM = ("weight", "bias", "mean", "variance")


@dataclass
class _Group:
    """Tensors that belong to one layer, in the making."""

    name: str
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def add(self, role: str, key: str, value: torch.Tensor) -> None:
        if role in self.tensors:
            raise GanlabError(
                f"{self.keys[role]!r} and {key!r} would both be the {role} of one layer.",
                "Layers that compute with both need their own code: --gan MODULE:FACTORY+FILE.",
            )
        self.tensors[role] = value
        self.keys[role] = key


def parts_of(tensors: Mapping[str, torch.Tensor]) -> tuple[Part, ...]:
    """The layers with weights in a state dict, in its order.

    Args:
        tensors: by key; grouped by what stands before the last word of the keys where these words are known, else by
            their shapes, one after the other.

    Raises:
        GanlabError: tensors that form no layer known here, that are not finite or no numbers.
    """
    if len(tensors) > MOST_TENSORS:
        raise GanlabError(f"It holds {len(tensors):,} tensors.", f"Networks of up to {MOST_TENSORS:,} are read.")
    for key, value in tensors.items():
        check_stored(key, value)
    groups = _by_name(tensors) if _names_tell(tensors) else _by_shape(tensors)
    return _told_by_numbers([_part(group) for group in groups if set(group.tensors) - {"batches"}])


def left_out(tensors: Mapping[str, torch.Tensor]) -> list[str]:
    """The keys of those tensors that no layer known here has."""
    return [key for key in tensors if not has_role(key)] if _names_tell(tensors) else []


def _names_tell(tensors: Mapping[str, torch.Tensor]) -> bool:
    """Whether the last words of the keys say what the tensors are in their layers."""
    return sum(map(has_role, tensors)) >= 0.8 * len(tensors)


def has_role(key: str) -> bool:
    """Whether a key's last word says what a tensor is in a layer."""
    return _split(key)[1] is not None


def check_stored(key: str, value: torch.Tensor) -> None:
    """That a tensor is of plain numbers, all of which the file holds.

    Raises:
        GanlabError: it is not; nothing was allocated for it.
    """
    if value.layout != torch.strided or value.is_meta or value.is_quantized:
        raise GanlabError(f"{key!r} holds no plain numbers: it is sparse, quantised or empty.", "Save it as float32.")
    if value.numel() > (held := value.untyped_storage().nbytes() // value.element_size()):
        raise GanlabError(f"{key!r} claims {value.numel():,} numbers and holds {held:,}.", "Is the file damaged?")


def _by_name(tensors: Mapping[str, torch.Tensor]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for key, value in tensors.items():
        name, role = _split(key)
        if role is not None:
            groups.setdefault(name, _Group(name)).add(role, key, value)
    return list(groups.values())


def _by_shape(tensors: Mapping[str, torch.Tensor]) -> list[_Group]:
    """For keys that say nothing: a matrix or a kernel begins a layer, vectors after it are its bias and a norm's.

    A single number counts the batches that the norm before it has seen, so that two vectors before it are statistics.
    """
    groups: list[_Group] = []
    vectors: list[tuple[str, torch.Tensor]] = []

    def close(counted: bool = False) -> None:
        if len(vectors) % 4 == 1 or len(vectors) == 3:
            groups[-1].add("bias", *vectors.pop(0)) if groups else vectors.pop(0)
        while vectors:
            of_two = VECTORS_OF_NORM[2:] if counted else VECTORS_OF_NORM[:2]
            norm = _Group(f"norm{len(groups)}")
            for role in VECTORS_OF_NORM if len(vectors) >= 4 else of_two:
                norm.add(role, *vectors.pop(0))
            groups.append(norm)

    for key, value in tensors.items():
        if value.ndim == 1:
            vectors.append((key, value))
        elif value.ndim > 1:
            close()
            groups.append(_Group(f"layer{len(groups)}"))
            groups[-1].add("weight", key, value)
        elif vectors:
            close(counted=True)
            groups[-1].add("batches", key, value)
    close()
    return groups


def _split(key: str) -> tuple[str, str | None]:
    """What a key is of, without wrappers, and its role; None for a word that is unknown."""
    for wrapper in WRAPPERS:
        key = key.removeprefix(wrapper)
    for words in (4, 3, 2, 1):
        pieces = key.rsplit(".", words)
        suffix = ".".join(pieces[-words:]) if len(pieces) > words else key
        if suffix in ROLE_OF:
            return (pieces[0] if len(pieces) > words else ""), ROLE_OF[suffix]
    return key, None


def _part(group: _Group) -> Part:
    container, place = _numbered(group.name)
    try:
        stored = _effective(group)
    except (RuntimeError, TypeError, IndexError, ValueError) as error:  # shapes that do not fit
        raise GanlabError(
            f"What {group.name!r} stores of its normalised weight does not fit together.", "Is the file whole?"
        ) from error
    roles = {role: value for role, value in stored.items() if role in VECTORS_OF_NORM}
    for role, value in roles.items():
        roles[role] = _numbers(group.keys.get(role, group.name), value)
    settings = {} if (batches := _batches(stored)) is None else {"batches": batches}
    return Part(_kind(group, roles), group.name, roles, _kept_keys(group), container, place, settings)


def _batches(stored: Mapping[str, torch.Tensor]) -> int | None:
    """How many batches a norm says it has seen, where it says a number that may be true."""
    batches = stored.get("batches")
    if batches is None or batches.numel() != 1 or batches.dtype != torch.int64 or batches < 0:
        return None
    return int(batches)


def _kind(group: _Group, roles: Mapping[str, torch.Tensor]) -> Kind:
    weight = roles.get("weight")
    if weight is None:
        if {"mean", "variance"} <= set(roles):
            return "norm"
        raise GanlabError(f"{group.name!r} holds {', '.join(roles)} and no weight.", "Is the file whole?")
    if weight.ndim == 4:
        return "convolution"
    if weight.ndim == 2:
        told = re.search(r"emb|label|class", group.name, re.IGNORECASE)
        return "embedding" if told and "bias" not in roles else "linear"
    if weight.ndim == 1:
        return "norm" if "bias" in roles or "mean" in roles else "prelu"
    shape = "x".join(map(str, weight.shape))
    raise GanlabError(
        f"{group.name!r} has a weight of {shape}, which belongs to no layer known here.",
        "Linear layers, convolutions of pictures, norms and embeddings are known; others: --gan MODULE:FACTORY+FILE.",
    )


def _effective(group: _Group) -> dict[str, torch.Tensor]:
    """Spectral and weight normalisation multiplied out: what the layer computes with."""
    stored = dict(group.tensors)
    if "original" in stored:
        weight = stored.pop("original").float()
        u, v = stored.pop("u", None), stored.pop("v", None)
        if u is not None:
            stored["weight"] = weight / _largest_singular_value(weight, u.float(), None if v is None else v.float())
        else:
            stored["weight"] = weight
    elif "length" in stored and "v" in stored:
        length, direction = stored.pop("length").float(), stored.pop("v").float()
        axes = [axis for axis in range(direction.ndim) if length.ndim <= axis or length.shape[axis] == 1]
        stored["weight"] = direction * (length / torch.linalg.vector_norm(direction, dim=axes, keepdim=True))
    return stored


def _largest_singular_value(weight: torch.Tensor, u: torch.Tensor, v: torch.Tensor | None) -> torch.Tensor:
    """As power iteration left it; a transposed convolution's rows stand on its second axis.

    Where the shape leaves the axis open, it is the one along which the vectors have grown to fit the matrix.
    """
    matrices = [weight.movedim(axis, 0).flatten(1) for axis in (0, 1) if weight.shape[axis] == len(u)]
    fitting = [matrix for matrix in matrices if v is None or matrix.shape[1] == len(v)]
    return max(
        u @ matrix @ (torch.nn.functional.normalize(matrix.T @ u, dim=0) if v is None else v) for matrix in fitting
    )


def _kept_keys(group: _Group) -> dict[str, str]:
    """A weight that was multiplied out has the key of what it is multiplied out of."""
    weight = next((group.keys[role] for role in ("weight", "original", "v") if role in group.keys), None)
    found = {} if weight is None else {"weight": weight}
    return found | {role: key for role, key in group.keys.items() if role in VECTORS_OF_NORM}


def _numbers(key: str, value: torch.Tensor) -> torch.Tensor:
    if not value.is_floating_point():
        raise GanlabError(f"{key!r} holds {str(value.dtype)[6:]}, not real numbers.", "Is it a network's?")
    value = value.detach().float().cpu().contiguous()
    if not torch.isfinite(value).all():
        raise GanlabError(f"{key!r} holds NaN or infinity.", "The training diverged; take an earlier checkpoint.")
    return value


def _told_by_numbers(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts without their places in containers whose numbers leave none out.

    Such a container may be a list, and what the forward pass does between two of its layers has no number.
    """
    places: dict[str, set[int]] = {}
    for part in parts:
        if part.place is not None:
            places.setdefault(part.container, set()).add(part.place)
    lists = {container for container, taken in places.items() if len(taken) > max(taken)}
    return tuple(
        replace(part, container="", place=None) if part.place is not None and part.container in lists else part
        for part in parts
    )


def _numbered(name: str) -> tuple[str, int | None]:
    container, _, last = name.rpartition(".")
    return (container, int(last)) if last.isdecimal() and len(last) < 6 else ("", None)
