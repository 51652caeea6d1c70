"""The plugin host: who brought what. One bad plugin costs one line and nothing else."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pluggy

from ganlab import hookspecs
from ganlab.plugins import metadata
from ganlab.plugins.checks import KINDS, PluginFault, check_brought, check_hooks, name_of
from ganlab.plugins.metadata import PluginEntry, PluginProblem, SourceFacts, one_line

if TYPE_CHECKING:
    from ganlab.architectures import Architecture
    from ganlab.checkpoints import CheckpointFormat
    from ganlab.data import Dataset, DatasetFormat
    from ganlab.labels.labelers import Labeler

PROVIDER_HOOKS = (
    "register_architectures",
    "register_checkpoint_formats",
    "register_datasets",
    "register_labelers",
)
COMMAND_HOOKS = ("register_analyses", "register_commands")
# ganlab's own networks and formats come in by the same hooks
CORE_MODULES = ("ganlab.architectures", "ganlab.checkpoints")

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """What all plugins bring through one hook, by name.

    ganlab's own come first, then plugin by plugin; a plugin is imported only when the search gets that far.
    """

    def __init__(self, plugin_host: PluginHost, hook: str) -> None:
        self._host = plugin_host
        self._hook = hook

    def __getitem__(self, name: str) -> T:
        for things in self._host.search(self._hook):
            if name in things:
                return cast(T, things[name])
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        for things in self._host.search(self._hook):
            yield from things

    def __len__(self) -> int:
        return sum(len(things) for things in self._host.search(self._hook))


class PluginHost:
    """Finds, checks and loads plugins.

    Attributes:
        entries: the plugins that have a command name, ganlab's own first, then by name.
        disabled: installed plugins that ``GANLAB_DISABLE`` names.
    """

    def __init__(self) -> None:
        self.entries, self._refused, self.disabled = metadata.find_entries()
        self._failed: dict[str, PluginProblem] = {}
        self._manager = pluggy.PluginManager("ganlab")
        self._manager.add_hookspecs(hookspecs)
        self._modules_before: dict[str, set[str]] = {}
        self._provided: dict[str, dict[str, dict[str, Any]]] = {}  # plugin -> hook -> name -> what it brought
        self._offered: dict[str, dict[str, Any]] = {}
        self._core: dict[str, dict[str, Any]] = {}
        self._loading: set[str] = set()

    @property
    def problems(self) -> list[PluginProblem]:
        """The plugins left out so far."""
        return [*self._refused, *self._failed.values()]

    def problem(self, name: str) -> PluginProblem | None:
        """Why the plugin of this name was left out, where it was."""
        if name in self.entries:
            return self._failed.get(name)
        return next((problem for problem in self._refused if problem.name == name), None)

    def left_out(self) -> str:
        """Who was left out and why, for the hint of an error that something was not found; empty if nobody."""
        return " ".join(problem.sentence for problem in self.problems)

    def require(self, name: str) -> None:
        """Load one plugin and all that it brings, after those which have the first choice of names.

        Raises:
            GanlabError: it was left out.
        """
        self.offers(name)
        for caller in self._manager.get_hookcallers(self.module(name)) or ():
            if caller.name in PROVIDER_HOOKS:
                list(self.search(caller.name))
        if name in self._failed:
            raise self._failed[name].error()

    def add_file(self, file: Path) -> PluginProblem | None:
        """Take in a loose plugin file. Its name must be free.

        Returns:
            Why it was refused, or None.

        Raises:
            GanlabError: there is no such Python file.
        """
        metadata.check_file(file)
        entry = PluginEntry.of_file(file)
        reason = metadata.refusal(entry, self.entries)
        if reason is None:
            self.entries[entry.name] = entry
            return None
        self._refused.append(entry.problem(reason))
        return self._refused[-1]

    def facts(self, name: str) -> SourceFacts | None:
        """A plugin's help, read without importing it; None where it was left out or cannot be read."""
        entry = self.entries[name]
        if name not in self._failed:
            with self._guarded(entry):
                return entry.facts
        return None

    def offers(self, name: str) -> dict[str, Any]:
        """The commands of one plugin by name: analyses, functions with Typer's annotations, Typer apps.

        Imports this plugin only. Empty where it brings none.

        Raises:
            GanlabError: the plugin was left out.
            KeyError: there is no such plugin.
        """
        from ganlab.analyses import Analysis  # late: numpy, which the list of commands does without

        entry = self.entries[name]
        if name not in self._offered and name not in self._failed:
            with self._guarded(entry):
                self._load(entry)
                offered = self._gather(name, COMMAND_HOOKS)
                for thing in offered.values():
                    if isinstance(thing, Analysis):
                        thing.plugin = name
                self._offered[name] = offered
        if name in self._failed:
            raise self._failed[name].error()
        return self._offered[name]

    def commands(self, name: str) -> list[str]:
        """What is typed after ``ganlab`` for each command of one plugin.

        Raises:
            GanlabError: the plugin was left out.
        """
        offered = self.offers(name)
        return [name] if len(offered) == 1 else [f"{name} {word}" for word in offered]

    def module(self, name: str) -> ModuleType:
        """The module of a plugin that was loaded."""
        return cast(ModuleType, self._manager.get_plugin(name))

    def provides(self, name: str) -> dict[str, dict[str, Any]]:
        """What one plugin brings besides commands, hook by hook; empty where it was left out."""
        for entry in list(self.entries.values()):  # those before it have the first choice of names
            for hook in PROVIDER_HOOKS:
                self._provide(entry, hook)
            if entry.name == name:
                return self._provided.get(name, {})
        return {}

    def bringer(self, thing: Any) -> PluginEntry | None:
        """The plugin that brought something through a hook of providers; None for what comes with ganlab."""
        for name, hooks in self._provided.items():
            if any(thing is known for things in hooks.values() for known in things.values()):
                return None if self.entries[name].builtin else self.entries[name]
        return None

    def search(self, hook: str) -> Iterator[dict[str, Any]]:
        """What ganlab, then one plugin after the other brings; each imported when its turn comes."""
        yield self._core_provides(hook)
        for entry in list(self.entries.values()):
            yield self._provide(entry, hook)

    def architectures(self) -> Mapping[str, Architecture]:
        """All architectures by name."""
        return Registry(self, "register_architectures")

    def checkpoint_formats(self) -> Iterator[CheckpointFormat]:
        """All checkpoint formats, ganlab's own first; plugins are imported as the search gets to them."""
        for formats in self.search("register_checkpoint_formats"):
            yield from formats.values()

    def datasets(self) -> Mapping[str, Dataset | DatasetFormat]:
        """All data sets that have a name, and all formats of files of pictures."""
        return Registry(self, "register_datasets")

    def labelers(self) -> Mapping[str, Labeler]:
        """All labelers by name."""
        return Registry(self, "register_labelers")

    def _provide(self, entry: PluginEntry, hook: str) -> dict[str, Any]:
        """What a plugin brings through one hook, by name. The others, which may import torch, are not called for it."""
        there = hook in self._provided.get(entry.name, {})
        if not there and entry.name not in self._failed and entry.name not in self._loading:
            with self._guarded(entry):
                self._load(entry)
                things = self._gather(entry.name, (hook,))
                self._refuse_taken(hook, things)
                self._provided.setdefault(entry.name, {})[hook] = things
        return self._provided.get(entry.name, {}).get(hook, {})

    def _core_provides(self, hook: str) -> dict[str, Any]:
        if hook not in self._core:
            for module in CORE_MODULES:
                if not self._manager.has_plugin(module):
                    self._manager.register(importlib.import_module(module), module)
            self._core[hook] = {}
            for module in CORE_MODULES:
                self._core[hook] |= self._gather(module, (hook,))
        return self._core[hook]

    def _load(self, entry: PluginEntry) -> None:
        """Import, check and register a plugin, once."""
        if self._manager.has_plugin(entry.name):
            return
        self._modules_before[entry.name] = set(sys.modules)
        module = import_file(entry.file, entry.module) if entry.file else importlib.import_module(entry.module)
        check_hooks(module)
        self._manager.register(module, entry.name)

    def _gather(self, name: str, hooks: tuple[str, ...]) -> dict[str, Any]:
        """Call hooks of one plugin: what it brings, by name."""
        gathered: dict[str, Any] = {}
        for hook in hooks:
            for implementation in getattr(self._manager.hook, hook).get_hookimpls():
                # called one by one: a call of pluggy's would lose all results to one error, and drop a None
                brought = implementation.function() if implementation.plugin_name == name else []
                for thing in check_brought(hook, brought):
                    if name_of(thing) in gathered:
                        raise PluginFault(f"it brings two things of the name '{name_of(thing)}'")
                    gathered[name_of(thing)] = thing
        return gathered

    def _refuse_taken(self, hook: str, things: dict[str, Any]) -> None:
        if not things:
            return
        owners = {"ganlab itself": self._core_provides(hook)}
        owners |= {f"plugin '{owner}'": provided.get(hook, {}) for owner, provided in self._provided.items()}
        for owner, theirs in owners.items():
            for name in sorted(things.keys() & theirs.keys()):
                raise PluginFault(f"the {KINDS[hook].word} '{name}' belongs to {owner} already")

    @contextmanager
    def _guarded(self, entry: PluginEntry) -> Iterator[None]:
        """Whatever goes wrong while a plugin is loaded is noted, and the plugin is undone."""
        nested = entry.name in self._loading  # a hook that asks the host for something
        self._loading.add(entry.name)
        try:
            with redirect_stdout(sys.stderr):  # standard output is for results
                yield
        except (Exception, SystemExit) as error:
            fault = str(error) if isinstance(error, PluginFault) else f"{_place(entry, error)}{one_line(error)}"
            self._leave_out(entry, fault)
        finally:
            if not nested:
                self._loading.discard(entry.name)

    def _leave_out(self, entry: PluginEntry, reason: str) -> None:
        if self._manager.has_plugin(entry.name):
            self._manager.unregister(name=entry.name)
        self._provided.pop(entry.name, None)
        self._offered.pop(entry.name, None)
        self._forget_modules(entry)
        self._failed[entry.name] = entry.problem(reason)

    def _forget_modules(self, entry: PluginEntry) -> None:
        """Remove the plugin's own modules. What else it imported stays: numpy cannot be imported twice."""
        root = entry.module.partition(".")[0]
        shared = any(module.__name__.partition(".")[0] == root for module in self._manager.get_plugins())
        mine = entry.module if shared else root
        for name in set(sys.modules) - self._modules_before.pop(entry.name, set(sys.modules)):
            if name == mine or name.startswith(f"{mine}."):
                del sys.modules[name]


@functools.cache
def host() -> PluginHost:
    """The host of this process."""
    return PluginHost()


def import_file(file: Path, module_name: str) -> ModuleType:
    """Import a Python file as a module of this name."""
    spec = importlib.util.spec_from_file_location(module_name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


def _place(entry: PluginEntry, error: BaseException) -> str:
    """The last line of the plugin's own code on the way to an exception, for its author."""
    place, trace = "", error.__traceback__
    root = entry.module.partition(".")[0]
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] == root:
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}: "
        trace = trace.tb_next
    return place
