"""What every plugin promises: hooks that are hooks, help everywhere, public names only, a quick import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import typer
from typer.main import get_command

from ganlab.plugin_checks import HOOKS, PluginFault, check_brought, check_hooks
from ganlab.testing.public_names import private_names

# what takes seconds to import and therefore has to wait until it is needed
HEAVY = ("torch", "captum", "sklearn", "matplotlib")

_TOO_HEAVY = 77
_QUICK_IMPORT = """
import os, sys
from pathlib import Path
from ganlab.plugins import import_file

class Guard:
    def find_spec(name, path=None, target=None):
        if name in {heavy!r}:
            os.write(2, name.encode())
            os._exit(77)

sys.meta_path.insert(0, Guard)
sys.path[:] = {path!r}
import_file(Path({file!r}), {name!r})
"""


def check_plugin(module: ModuleType) -> None:
    """Hold a plugin's module to its contract.

    Its hooks are spelt right, marked, and return what they should; every command and every option has a help
    text; it takes nothing from ganlab but public names, and no attribute of its objects that begins with an underscore;
    importing it imports none of torch, captum, scikit-learn, matplotlib.

    Raises:
        AssertionError: which promise was broken, and where.
    """
    if not (module.__doc__ or "").strip():
        raise AssertionError(f"{module.__name__} needs a docstring: its first line is the command's help")
    try:
        check_hooks(module)
        for hook in HOOKS:
            function = getattr(module, hook, None)
            if function is not None:
                for thing in check_brought(hook, function()):
                    if hook == "register_commands":
                        _check_command_help(thing)
    except PluginFault as fault:
        raise AssertionError(str(fault)) from fault
    for file in source_files(module):
        for line, name in private_names(ast.parse(file.read_bytes(), str(file))):
            raise AssertionError(f"{file.name}, line {line}: {name} is no public name of ganlab (see ganlab.__all__)")
    _check_quick_import(module)


def source_files(module: ModuleType) -> list[Path]:
    """The Python files of a plugin, without its tests."""
    file = Path(module.__file__ or "")
    if file.name != "__init__.py":
        return [file]
    files = sorted(file.parent.rglob("*.py"))
    return [
        path
        for path in files
        if "tests" not in path.relative_to(file.parent).parts and not path.name.startswith("test_")
    ]


def _check_command_help(thing: Any) -> None:
    app = thing
    if not isinstance(app, typer.Typer):
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command()(thing)
    _check_help_of(get_command(app))


def _check_help_of(command: Any) -> None:
    for below in getattr(command, "commands", {}).values():
        _check_help_of(below)
    if not command.help and not getattr(command, "commands", {}):
        raise AssertionError(f"the command {command.name!r} needs a docstring")
    for param in command.params:
        if not getattr(param, "help", None) and not getattr(param, "hidden", False):
            raise AssertionError(f"the command {command.name!r}: {param.name} has no help")


def _check_quick_import(module: ModuleType) -> None:
    script = _QUICK_IMPORT.format(heavy=HEAVY, path=sys.path, file=module.__file__, name=module.__name__)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    last = (run.stderr.strip().splitlines() or [""])[-1]
    if run.returncode == _TOO_HEAVY:
        raise AssertionError(f"{module.__name__} imports {last} at once: import it in the functions that need it")
    if run.returncode:
        raise AssertionError(f"{module.__name__} cannot be imported: {last}")
