"""What every plugin promises: hooks that are hooks, help everywhere, public names only, a quick import."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ganlab.analyses import Analysis
from ganlab.checkpoints import shipped_gans
from ganlab.cli.commands import plugin_command
from ganlab.labels.labelers import BrokenPromise, Labeler
from ganlab.plugins import COMMAND_HOOKS
from ganlab.plugins.checks import HOOKS, PluginFault, check_brought, check_hooks, name_of
from ganlab.plugins.metadata import one_line
from ganlab.testing.gans import tiny_gan
from ganlab.testing.networks import check_architecture
from ganlab.testing.public_names import private_names

if TYPE_CHECKING:
    import numpy as np

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

    Its hooks are spelt right, marked, and return what they should; each analysis and command can be built and shows its
    help; every command and every option has a help text; an analysis's ``default_gan`` comes with ganlab; a labeler
    that takes 64x64 colour pictures answers of four in the shapes that it promises, leaves them as they are, says the
    same when it is asked again, and in a ``shows_and_measure`` of its own what it says in ``shows`` and ``measure``; an
    architecture builds, of small settings, the same weights for the same seed and others for another, whatever the
    global random states are, and leaves those alone, and its networks draw and score as docs/plugins.md says (of one
    that is not trained the weights are tried, where it takes ``size``, ``channels``, ``width`` and ``z_dim``); it takes
    nothing from ganlab but public names, and no attribute of its objects that begins with an underscore; importing it
    imports none of torch, captum, scikit-learn, matplotlib.

    Raises:
        AssertionError: which promise was broken, and where.
    """
    if not (module.__doc__ or "").strip():
        raise AssertionError(f"{module.__name__} needs a docstring: its first line is the command's help")
    try:
        check_hooks(module)
        brought = {hook: check_brought(hook, getattr(module, hook)()) for hook in HOOKS if hasattr(module, hook)}
    except PluginFault as fault:
        raise AssertionError(str(fault)) from fault
    _check_commands({name_of(thing): thing for hook in COMMAND_HOOKS for thing in brought.get(hook, ())})
    for labeler in brought.get("register_labelers", ()):
        _check_labeler(labeler)
    for architecture in brought.get("register_architectures", ()):
        check_architecture(architecture)
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


def _check_commands(offered: dict[str, Any]) -> None:
    for thing in offered.values():
        if isinstance(thing, Analysis) and thing.default_gan not in (None, *shipped_gans()):
            raise AssertionError(
                f"analysis {thing.name!r}: its default_gan {thing.default_gan!r} does not come with ganlab; "
                f"there are {', '.join(shipped_gans())}"
            )
    for name, thing in offered.items():
        try:
            command = plugin_command(name, "", {name: thing}, lambda *_, **__: None)
            _show_help_of(command)
        except Exception as error:  # Typer's and click's own, of whatever kind
            raise AssertionError(f"{name!r} cannot be a command: {one_line(error)}") from error
        _check_help_of(command)


def _check_labeler(labeler: Labeler) -> None:
    import torch

    gan = tiny_gan(size=64)
    seen = (gan.generate(gan.latents(4)), gan.image)
    before = seen[0].clone()
    try:
        one_by_one = Labeler.shows_and_measure(labeler, *seen)
    except BrokenPromise as error:
        raise AssertionError(error.message) from error
    except Exception:  # it is for pictures of another kind, as its domain says
        return
    if not torch.equal(before, seen[0]):
        raise AssertionError(f"the labeler {labeler.name!r} changes the pictures that it is asked about")
    _check_same(
        labeler, Labeler.shows_and_measure(labeler, *seen), one_by_one, "{}() answers otherwise when it is asked again"
    )
    if type(labeler).shows_and_measure is Labeler.shows_and_measure:
        return
    try:
        at_once = labeler.shows_and_measure(*seen)
    except BrokenPromise as error:
        raise AssertionError(error.message) from error
    except Exception as error:
        raise AssertionError(
            f"the labeler {labeler.name!r}: shows_and_measure() fails where shows() and measure() do not: "
            f"{one_line(error)}"
        ) from error
    _check_same(labeler, at_once, one_by_one, "shows_and_measure() does not say what {}() says")


def _check_same(labeler: Labeler, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], fault: str) -> None:
    import numpy as np

    for what, first, second in zip(("shows", "measure"), ours, theirs, strict=True):
        # what is computed in another order differs in the last digits
        if first.shape != second.shape or not np.allclose(first, second, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise AssertionError(f"the labeler {labeler.name!r}: {fault.format(what)}")


def _show_help_of(command: Any) -> None:
    with redirect_stdout(io.StringIO()):
        command.main(["--help"], prog_name=command.name, standalone_mode=False)
    for below in getattr(command, "commands", {}).values():
        _show_help_of(below)


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
