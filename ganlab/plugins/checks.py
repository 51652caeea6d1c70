"""Whether a plugin's hooks are well formed and bring what they should."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

from ganlab import hookspecs

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("register_"))


class PluginFault(Exception):
    """A plugin does not keep to the hooks; the message says how, in one line."""


class Kind(NamedTuple):
    """What a hook brings: the word for it, the class or classes, where they live."""

    word: str
    types: tuple[str, ...]
    home: str


KINDS = {
    "register_analyses": Kind("analysis", ("Analysis",), "ganlab.analyses"),
    "register_architectures": Kind("architecture", ("Architecture",), "ganlab.architectures"),
    "register_checkpoint_formats": Kind("checkpoint format", ("CheckpointFormat",), "ganlab.checkpoints"),
    "register_datasets": Kind("data set", ("Dataset", "DatasetFormat"), "ganlab.data"),
    "register_labelers": Kind("labeler", ("Labeler",), "ganlab.labels.labelers"),
    "register_commands": Kind("command", ("Typer",), "typer"),
}


def check_hooks(module: ModuleType) -> None:
    """That every hook a module means to fill is one: spelt right, marked, asking for nothing unknown.

    Raises:
        PluginFault: it is not, or the module fills none.
    """
    functions = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    marked = {name for name, value in functions.items() if hasattr(value, "ganlab_impl")}
    for name, function in functions.items():
        if name in marked:
            _check_marked(name, function)
        elif function.__module__ == module.__name__ and name.startswith("register_") and _nearest(name):
            meant = "" if name in HOOKS else f" and spelt {_nearest(name)}"
            raise PluginFault(f"{name}() looks like a hook: it must be marked with @ganlab.hookimpl{meant}")
    if not marked:
        raise PluginFault("it brings nothing: no function is marked with @ganlab.hookimpl")


def check_brought(hook: str, brought: Any) -> list[Any]:
    """What a hook returned, held to its type.

    Raises:
        PluginFault: no list, wrong things in it, or two of one name.
    """
    kind = KINDS[hook]
    if not isinstance(brought, list):
        raise PluginFault(f"{hook}() must return a list, not {_article(type(brought).__name__)}")
    wanted = tuple(getattr(import_module(kind.home), name) for name in kind.types)
    names: set[str] = set()
    for thing in brought:
        if hook == "register_commands":
            if not (isinstance(thing, wanted) or inspect.isfunction(thing)):
                raise PluginFault(f"{hook}() returned {thing!r}, which is neither a function nor a typer.Typer")
        elif not isinstance(thing, wanted):
            advice = ": mark the function with @ganlab.analysis" if hook == "register_analyses" else ""
            raise PluginFault(f"{hook}() returned {_shown(thing)}, which is no {' or '.join(kind.types)}{advice}")
        name = name_of(thing)
        if not name:
            raise PluginFault(f"{hook}() returned {_article(kind.word)} without a name")
        if hook == "register_labelers" and (fault := thing.faults()):
            raise PluginFault(f"the labeler '{name}' cannot work: {fault}")
        if name in names:
            raise PluginFault(f"{hook}() returned two of the name '{name}'")
        names.add(name)
    return brought


def name_of(thing: Any) -> str:
    """What something a hook brought is called; empty when it has no usable name."""
    if inspect.isfunction(thing):
        return thing.__name__.replace("_", "-")
    if type(thing).__name__ == "Typer":
        return _typer_name(thing)
    name = getattr(thing, "name", "")
    return name if isinstance(name, str) else ""


def _typer_name(app: Any) -> str:
    if isinstance(app.info.name, str):
        return app.info.name
    only = app.registered_commands[0] if len(app.registered_commands) == 1 else None
    if only is None:
        return ""
    return only.name or only.callback.__name__.replace("_", "-")


def _check_marked(name: str, function: Any) -> None:
    hook = function.ganlab_impl.get("specname") or name
    if hook not in HOOKS:
        near = _nearest(hook)
        advice = f"; did you mean {near}?" if near else f"; hooks are {', '.join(HOOKS)}"
        raise PluginFault(f"there is no hook {hook}{advice}")
    known = inspect.signature(getattr(hookspecs, hook)).parameters
    unknown = [parameter for parameter in inspect.signature(function).parameters if parameter not in known]
    if unknown:
        raise PluginFault(f"{name}() asks for {unknown[0]!r}, which the hook does not give")


def _nearest(name: str) -> str:
    return next(iter(get_close_matches(name, HOOKS, n=1, cutoff=0.85)), "")


def _shown(thing: Any) -> str:
    return f"the function {thing.__name__}" if inspect.isfunction(thing) else repr(thing)


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOUaeiou' else 'a'} {word}"
