"""A plugin takes public names from ganlab only: however it imports them, and no private attribute of anything else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ganlab.testing.public_names import private_names

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").rglob("*.py"))


def found(source: str) -> list[str]:
    return [name for _, name in private_names(ast.parse(source))]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import ganlab.surgery", ["ganlab.surgery"]),
        ("import ganlab.surgery as s", ["ganlab.surgery"]),
        ("from ganlab.gan import Gan", ["ganlab.gan"]),
        ("from ganlab import plugins", ["ganlab.plugins"]),
        ("import ganlab\nganlab.plugins", ["ganlab.plugins"]),
        ("import ganlab as g\ng.surgery.removed(1)", ["ganlab.surgery"]),
        ("def f():\n    import ganlab as g\n    return g.cli", ["ganlab.cli"]),
        ("from importlib import import_module\nimport_module('ganlab.surgery')", ["ganlab.surgery"]),
        ("from importlib import import_module as get\nget('ganlab.surgery')", ["ganlab.surgery"]),
        ("import importlib\nimportlib.import_module('ganlab.surgery')", ["ganlab.surgery"]),
        ("import importlib as i\ni.import_module(name='ganlab.surgery')", ["ganlab.surgery"]),
        ("__import__('ganlab.surgery')", ["ganlab.surgery"]),
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
        "g.surgery",
    ],
)
def test_what_is_public_or_the_plugins_own_passes(source: str) -> None:
    assert found(source) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_keep_to_public_names(path: Path) -> None:
    tested = [name for name in found(path.read_text(encoding="utf-8")) if name != "ganlab.testing"]
    assert not tested
