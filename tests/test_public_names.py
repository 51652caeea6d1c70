"""A plugin takes public names from ganlab only: however it imports them, and no private attribute of anything else."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType

import pytest

import ganlab
from ganlab.testing.public_names import private_names

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").rglob("*.py"))


def found(source: str) -> list[str]:
    return [name for _, name in private_names(ast.parse(source))]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import ganlab.wording", ["ganlab.wording"]),
        ("import ganlab.wording as s", ["ganlab.wording"]),
        ("from ganlab.gan import Gan", ["ganlab.gan"]),
        ("from ganlab import plugins", ["ganlab.plugins"]),
        ("import ganlab\nganlab.plugins", ["ganlab.plugins"]),
        ("import ganlab as g\ng.wording.removed(1)", ["ganlab.wording"]),
        ("def f():\n    import ganlab as g\n    return g.cli", ["ganlab.cli"]),
        ("from importlib import import_module\nimport_module('ganlab.wording')", ["ganlab.wording"]),
        ("from importlib import import_module as get\nget('ganlab.wording')", ["ganlab.wording"]),
        ("import importlib\nimportlib.import_module('ganlab.wording')", ["ganlab.wording"]),
        ("import importlib as i\ni.import_module(name='ganlab.wording')", ["ganlab.wording"]),
        ("__import__('ganlab.wording')", ["ganlab.wording"]),
        ("def f(gan):\n    return gan._network('generator')", ["gan._network"]),
        ("load_gan('x')._with(None, None)", ["load_gan('x')._with"]),
        ("from ganlab import figures\nfigures._cell", ["figures._cell"]),
        ("from ganlab import figures as f\nf._cell()", ["f._cell"]),
        ("import ganlab as g\ng.Gan._with", ["g.Gan._with"]),
        ("def f(gan):\n    gan._label = 1", ["gan._label"]),
        ("def f(self):\n    return self.gan._network", ["self.gan._network"]),
    ],
)
def test_what_is_private_is_found(source: str, names: list[str]) -> None:
    assert found(source) == names


@pytest.mark.parametrize(
    "source",
    [
        "import ganlab as g\ng.Gan, g.__version__, ganlab",
        "from ganlab import Gan, figures\nfigures.grid",
        "from importlib import import_module\nimport_module('h5py'), import_module(name), import_module('ganlab')",
        "class A:\n    def f(self, cls):\n        return self._x, cls._y, super()._z",
        "picture._replace(label=1), picture._fields, picture._asdict(), picture.__class__",
        "class A:\n    def __init__(self): self._x = 1\n    def __eq__(self, other): return self._x == other._x",
        "class A:\n    def _near(self): pass\nA()._near()",
        "class A:\n    _x: int = 1\na._x",
        "import torch\ntorch._C, torch.nn._reduction",
        "from . import own\nown._helper()",
        "g.wording",
    ],
)
def test_what_is_public_or_the_plugins_own_passes(source: str) -> None:
    assert found(source) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_keep_to_public_names(path: Path) -> None:
    tested = [name for name in found(path.read_text(encoding="utf-8")) if name != "ganlab.testing"]
    assert not tested


def public_functions() -> Iterator[tuple[str, Callable]]:
    """Every public function, and every method and property of a public class that has no underscore."""
    for name in ganlab.__all__:
        value = getattr(ganlab, name)
        if isinstance(value, FunctionType):
            yield name, value
        elif inspect.isclass(value):
            for key, member in vars(value).items():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if isinstance(function, FunctionType) and not key.startswith("_"):
                    yield f"{name}.{key}", function


def raises(function: Callable) -> bool:
    """Whether the function itself raises a GanlabError."""
    nodes = ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
    return any(isinstance(node, ast.Raise) and "GanlabError" in ast.unparse(node) for node in nodes)


def test_what_a_public_function_raises_is_in_its_docstring() -> None:
    raising = {name: inspect.getdoc(function) or "" for name, function in public_functions() if raises(function)}
    assert {"Gan.generate", "Gan.score", "Prior.sample", "Images.first"} <= set(raising)
    assert not [name for name, doc in raising.items() if "GanlabError" not in doc]


def test_a_public_name_lives_where_it_is_defined() -> None:
    """Of classes and functions; a package may gather those of its modules."""
    for name, home in ganlab._HOME_OF.items():
        value = getattr(ganlab, name)
        if isinstance(value, type | FunctionType):
            assert f"{value.__module__}.".startswith(f"ganlab.{home}."), name


@pytest.mark.slow
def test_a_type_checker_tells_a_misspelt_name(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text("from ganlab import Result\nfrom ganlab import Reslut\n")
    words = ["-m", "mypy", "--config-file=", "--ignore-missing-imports", "--follow-imports=silent", "plugin.py"]
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    told = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
    lines = [line for line in told.stdout.splitlines() if "error" in line]
    assert lines[0].startswith('plugin.py:2: error: Module "ganlab" has no attribute "Reslut"'), told
    assert len(lines) == 2, "and the sum of errors"
