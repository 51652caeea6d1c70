"""Where the variables of a Keras model lie in HDF5: in groups by name, or numbered in groups ``vars``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ganlab import GanlabError

from .bare_layers import BareLayer, Variable
from .hdf5 import Reader, address, at, children, groups, is_data, is_group, text, texts
from .keras_config import KerasLayer, KerasModel

if TYPE_CHECKING:
    Located = dict[tuple[str, ...], dict[str, Variable]]

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")  # of Keras 3 and 2.12
NOT_WEIGHTS = ("optimizer", "metrics", "_optimizer", "loss_tracker", "compile_metrics", "seed_generator")


def by_name(root: Any, model: KerasModel, reader: Reader) -> Located:
    """The variables of a model's layers, by the path of their names, from groups by name.

    Raises:
        GanlabError: a layer of the model has no weights in the file.
    """
    located: Located = {}
    for member in model.members:
        stored = _named_layers(root, member.name, reader) if at(root, member.name) is not None else []
        if isinstance(member, KerasLayer):
            located[(member.name,)] = {name: one for layer in stored for name, one in layer.variables.items()}
            continue
        inside = [(path, layer) for path, layer in member.layers((member.name,)) if layer.variable_names()]
        known = {layer.name.rpartition("/")[2]: layer for layer in stored}
        names = [layer.name for _, layer in inside]
        if len(known) != len(stored) or not set(names) <= set(known):  # renamed on loading: then by order alone
            known = dict(zip(names, stored, strict=False))
        located |= {path: dict(known[layer.name].variables) for path, layer in inside if layer.name in known}
    return located


def bare_by_name(root: Any, reader: Reader) -> list[tuple[str, BareLayer]]:
    """Layers from groups by name, without a configuration, each with its model: a group of several layers."""
    found: list[tuple[str, BareLayer]] = []
    for name in texts(root, "layer_names"):
        stored = _named_layers(root, name, reader)
        if len(stored) == 1:
            found.append(("", BareLayer(name, stored[0].variables)))
        else:
            found += [(name, BareLayer(layer.name.rpartition("/")[2], layer.variables)) for layer in stored]
    return found


def _named_layers(root: Any, name: str, reader: Reader) -> list[BareLayer]:
    """The layers in the group of that name, in the order the group states."""
    group = at(root, name)
    if not is_group(group):
        raise GanlabError(f"The weights of {name!r} are not in this Keras file.", "Fetch or copy it again.")
    found: dict[str, dict[str, Variable]] = {}
    for key in texts(group, "weight_names"):
        path, _, variable = key.rpartition("/")
        data_set = at(group, key)
        if not is_data(data_set):
            raise GanlabError(f"The weight {key!r} is not in this Keras file.", "Fetch or copy it again.")
        found.setdefault(path, {})[variable.partition(":")[0]] = Variable(reader.floats(data_set), f"{name}/{key}")
    return [BareLayer(path, variables) for path, variables in found.items()]


def numbered(group: Any, model: KerasModel, reader: Reader, path: tuple[str, ...] = ()) -> Located:
    """The variables of a model's layers, by the path of their names, from groups ``layers/CLASS_N/vars/N``.

    Raises:
        GanlabError: a layer of the model has no weights in the file.
    """
    stored = dict(_layer_groups(group))
    located: Located = {}
    for member in model.members:
        if isinstance(member, KerasLayer) and not member.variable_names():
            continue
        key = _group_of(stored, member)
        inside = stored.pop(key) if key else None
        if inside is None:
            raise GanlabError(f"The weights of {member.name!r} are not in this Keras file.", "Fetch or copy it again.")
        if isinstance(member, KerasModel):
            located |= numbered(inside, member, reader, (*path, member.name))
        else:
            values = [Variable(reader.floats(one), one.name.lstrip("/")) for one in _variables(inside)]
            located[(*path, member.name)] = dict(zip(member.variable_names(), values, strict=False))
    return located


def _group_of(stored: dict[str, Any], member: KerasLayer | KerasModel) -> str | None:
    """The group of a layer: newer files name it, older ones count the layers of each class."""
    for key, group in stored.items():
        if _called(group, "") == member.name:
            return key
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", member.kind)
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
    alike = [key for key in stored if re.fullmatch(rf"{kind}(_\d+)?", key)]
    return min(alike, key=_number, default=None)


def _number(key: str) -> int:
    return int(match[1]) if (match := re.search(r"_(\d+)$", key)) else 0


def _layer_groups(group: Any) -> Iterator[tuple[str, Any]]:
    """The groups of a model's layers that hold anything."""
    for container in CONTAINERS:
        found = at(group, container)
        for name, inside in children(found) if is_group(found) else ():
            if is_group(inside) and (_variables(inside) or any(one in inside for one in CONTAINERS)):
                yield name, inside


def _variables(group: Any) -> list[Any]:
    """The data sets ``vars/0``, ``vars/1``, ... in order."""
    inside = at(group, "vars")
    found = (
        {}
        if not is_group(inside)
        else {name: one for name, one in children(inside) if name.isdecimal() and is_data(one)}
    )
    return [found[name] for name in sorted(found, key=int)]


def bare_numbered(root: Any, reader: Reader) -> list[tuple[str, BareLayer]]:
    """Layers from groups ``.../layers/CLASS_N/vars/N``, without a configuration, each with the model it lies in.

    Such a file lists names only, and their order is not that of the layers; but it was written layer after layer.
    """
    found: list[tuple[int, str, BareLayer]] = []
    for model, name, group in _with_variables(root):
        data = _variables(group)
        names = _names_of(name, [one.ndim for one in data])
        values = [Variable(reader.floats(one), one.name.lstrip("/")) for one in data]
        layer = BareLayer(_called(group, name), dict(zip(names, values, strict=True)))
        found.append((max(address(group), address(data[0])), model, layer))
    return [(model, layer) for _, model, layer in sorted(found, key=lambda one: one[0])]


def _called(group: Any, name: str) -> str:
    """The layer's own name where the file keeps it, else ``name``."""
    inside = at(group, "vars")
    return (text(inside, "name") if is_group(inside) else None) or name


def _with_variables(root: Any) -> Iterator[tuple[str, str, Any]]:
    """Outermost model inside the file's own, name and group of all layers that hold variables, at whatever depth."""
    for path, group in groups(root):
        if path and not {"vars", *NOT_WEIGHTS} & set(path) and _variables(group):
            yield next((name for name in path[:-1] if name not in CONTAINERS), ""), path[-1], group


def _names_of(layer: str, axes: list[int]) -> list[str]:
    """What the numbered variables of a layer are called, by how many axes they have."""
    if re.match(r"p_?re_?lu", layer):
        return ["alpha"]
    if axes[0] > 1:
        return ["kernel", "bias"][: len(axes)] if not layer.startswith("embedding") else ["embeddings"]
    usual = {4: ["gamma", "beta"], 3: ["beta"], 2: []}.get(len(axes)) if "batch" in layer else None
    if usual is None:
        return ["gamma", "beta"][: len(axes)]
    return [*usual, "moving_mean", "moving_variance"]
