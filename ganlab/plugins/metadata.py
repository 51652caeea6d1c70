"""What is known about plugins without importing them: from package metadata and from their source text."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from pathlib import Path
from typing import NamedTuple

import ganlab
from ganlab.errors import GanlabError
from ganlab.wording import quoted

GROUP = "ganlab"
RESERVED_NAMES = ("train", "sample", "checkpoints", "data", "plugins")
_SIGNS_OF_COMMANDS = (b"register_analyses", b"register_commands", b"import *")
_COMMAND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MODULE_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class PluginProblem(NamedTuple):
    """Why a plugin was left out, in one line; ``loose`` where it is a file of its own."""

    name: str
    distribution: str
    reason: str
    loose: bool = False

    def __str__(self) -> str:
        return f"plugin '{self.name}' ({self.distribution}) was left out: {self.reason}"

    @property
    def sentence(self) -> str:
        """The line as a sentence."""
        stop = "" if self.reason.endswith((".", "?")) else "."
        return f"The {self}{stop}"

    def error(self) -> GanlabError:
        """What to raise when somebody asks for this plugin."""
        hint = "`ganlab plugins` tells what works and what does not."
        if self.loose:
            hint = "Mend or rename the file; docs/plugins.md says what a plugin needs."
        return GanlabError(self.sentence, hint)


class SourceFacts(NamedTuple):
    """What a plugin's source says: the first line of its docstring, and whether it brings commands."""

    summary: str
    has_commands: bool


@dataclass(frozen=True)
class PluginEntry:
    """A plugin as its metadata presents it.

    Attributes:
        name: the entry point's name, which is the command.
        module: the module to import.
        distribution: name and version of the package that brings it, or the file's path for a loose one.
        builtin: it comes with ganlab itself.
        file: the loose file, or None.
    """

    name: str
    module: str
    distribution: str
    builtin: bool = False
    file: Path | None = None

    @property
    def title(self) -> str:
        """The plugin in words for a sentence: ``plugin 'spread' (ganlab-spread 0.1.0)``."""
        return f"plugin '{self.name}' ({self.distribution})"

    @classmethod
    def of_file(cls, file: Path) -> PluginEntry:
        """A loose file as a plugin; its name is the file's."""
        module = "ganlab_plugin_" + re.sub(r"\W", "_", file.stem)
        return cls(file.stem, module, str(file), file=file)

    @cached_property
    def facts(self) -> SourceFacts:
        """Read from the source text, without running it.

        Raises:
            ImportError: there is no such module.
            SyntaxError: its source cannot be parsed.
        """
        file = self.file or _source_file(self.module)
        if file is None:  # an extension module: nothing to read, everything possible
            return SourceFacts("", True)
        source = file.read_bytes()
        summary = (ast.get_docstring(ast.parse(source, str(file))) or "").partition("\n")[0]
        return SourceFacts(summary, any(sign in source for sign in _SIGNS_OF_COMMANDS))

    def problem(self, reason: str) -> PluginProblem:
        return PluginProblem(self.name, self.distribution, reason, self.file is not None)


def find_entries() -> tuple[dict[str, PluginEntry], list[PluginProblem], list[str]]:
    """All installed plugins: those that may be loaded, those refused already, those that are disabled.

    ganlab's own come first, then all others by name; the first of a name has it. ``GANLAB_DISABLE=a,b``
    leaves plugins out.
    """
    wanted_off = [name.strip() for name in os.environ.get("GANLAB_DISABLE", "").split(",") if name.strip()]
    found, problems = _installed()
    titles = {distribution: _title(distribution) for distribution in {distribution for _, distribution in found}}
    found.sort(key=lambda pair: (not _is_ganlab(titles[pair[1]]), pair[0].name, titles[pair[1]]))
    entries: dict[str, PluginEntry] = {}
    for point, distribution in found:
        if point.name in wanted_off:
            continue
        title = titles[distribution]
        entry = PluginEntry(point.name, point.value, title, _is_ganlab(title))
        reason = refusal(entry, entries) or (None if entry.builtin else _wants_other_ganlab(distribution))
        if reason is None:
            entries[entry.name] = entry
        else:
            problems.append(entry.problem(reason))
    installed = {point.name for point, _ in found}
    for name in sorted(set(wanted_off) - installed):
        problems.append(PluginProblem(name, "GANLAB_DISABLE", "no plugin of this name is installed"))
    return entries, problems, sorted(set(wanted_off) & installed)


def refusal(entry: PluginEntry, taken: dict[str, PluginEntry]) -> str | None:
    """Why this entry cannot have its name, or None."""
    if not _COMMAND_NAME.fullmatch(entry.name):
        return "its name cannot be a command: it must be of a-z, A-Z, 0-9, '-', '_' and '.', a letter or digit first"
    if entry.name in RESERVED_NAMES:
        return f"the command '{entry.name}' belongs to ganlab itself"
    if entry.name in taken:
        return f"the command '{entry.name}' belongs to {taken[entry.name].distribution} already"
    if not _MODULE_NAME.fullmatch(entry.module):
        return f"its entry point must name a module, not '{entry.module}'"
    return None


def _installed() -> tuple[list[tuple[EntryPoint, Distribution]], list[PluginProblem]]:
    try:
        return [(point, point.dist) for point in entry_points(group=GROUP) if point.dist is not None], []
    except Exception:  # somebody's metadata cannot be read: find out whose, keep the others
        return _installed_one_by_one(distributions())


def _installed_one_by_one(
    all_distributions: Iterable[Distribution],
) -> tuple[list[tuple[EntryPoint, Distribution]], list[PluginProblem]]:
    found, problems = [], []
    seen = set()
    for distribution in all_distributions:
        title = _title(distribution)
        try:
            points = [point for point in distribution.entry_points if point.group == GROUP]
        except Exception as error:
            problems.append(PluginProblem("?", title, f"its entry_points.txt cannot be read: {one_line(error)}"))
            continue
        if title not in seen:
            found += [(point, distribution) for point in points]
        seen.add(title)
    return found, problems


def _wants_other_ganlab(distribution: Distribution) -> str | None:
    from packaging.requirements import InvalidRequirement, Requirement

    for text in distribution.requires or ():
        if not re.match(r"ganlab\b(?![-_.])", text, re.IGNORECASE):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            return f"its requirement '{text}' cannot be read: {one_line(error)}"
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and not requirement.specifier.contains(ganlab.__version__, prereleases=True):
            return f"it needs ganlab{requirement.specifier}, and this is ganlab {ganlab.__version__}"
    return None


def one_line(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_file(file: Path) -> None:
    """That a loose plugin can be read.

    Raises:
        GanlabError: it cannot.
    """
    if not file.is_file():
        raise GanlabError(f"There is no plugin file {quoted(file)}.", "Give the path of a Python file.")
    if file.suffix != ".py":
        raise GanlabError(f"The plugin {quoted(file)} is no .py file.", "Give the path of a Python file.")


def _title(distribution: Distribution) -> str:
    try:
        metadata = distribution.metadata  # parsed anew at each look
        return f"{metadata['Name']} {metadata['Version']}"
    except Exception:  # no or broken METADATA
        return "a package without readable metadata"


def _is_ganlab(title: str) -> bool:
    return title.partition(" ")[0].lower() == "ganlab"


def _source_file(module: str) -> Path | None:
    spec = _find_spec(module)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {module!r}")
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


def _find_spec(module: str) -> ModuleSpec | None:
    """``importlib.util.find_spec``, which would import the packages above the module, without doing so."""
    top, *below = module.split(".")
    spec = importlib.util.find_spec(top)
    name = top
    for part in below:
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    return spec
