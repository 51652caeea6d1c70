"""The published contract of plugins: each broken promise fails with its own words; new ones keep them all."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ganlab.errors import GanlabError
from ganlab.plugins import import_file, scaffold
from ganlab.plugins.scaffold import write_plugin
from ganlab.testing import check_plugin
from tests.plugin_kit import good


@pytest.fixture
def module_of(tmp_path: Path) -> Callable[[str], ModuleType]:
    def make(source: str) -> ModuleType:
        file = tmp_path / "demo_checked.py"
        file.write_text(source)
        return import_file(file, "demo_checked")

    return make


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (good().replace("register_analyses", "register_analysis"), "did you mean register_analyses"),
        (good().replace("[fine]", "[3]"), "is no Analysis"),
        (good().removeprefix('"""What is fine.\n\nMore about it.\n"""'), "needs a docstring"),
        (good() + "\nfrom ganlab.gan import Gan\n", r"line \d+: ganlab.gan is no public name"),
        (good() + "\nimport ganlab.wording\n", "ganlab.wording is no public name"),
        (good() + "\nfrom ganlab import plugins\n", "ganlab.plugins is no public name"),
        (good() + "\nimport ganlab\nx = ganlab.plugins\n", "ganlab.plugins is no public name"),
        (good() + "\nimport ganlab as g\ndef f():\n    g.wording\n", r"line \d+: ganlab.wording is no public name"),
        (good() + "\ndef f(gan):\n    gan._network('generator')\n", "gan._network is no public name"),
        (good() + "\nimport torch\n", "imports torch at once"),
        (
            good() + "\n@hookimpl\ndef register_commands():\n    return [open_page]\ndef open_page(port: int): pass\n",
            "'open-page' needs a docstring",
        ),
        (
            good()
            + '\n@hookimpl\ndef register_commands():\n    return [page]\ndef page(port: int):\n    """Help."""\n',
            "'page': port has no help",
        ),
        (
            good() + "\n@hookimpl\ndef register_commands():\n    return [two]\n"
            'def two(one: list[int], other: list[int]):\n    """Help."""\n',
            "'two' cannot be a command: TypeError",
        ),
        (
            good().replace("@analysis", "@analysis(default_gan='facez-64')"),
            "'fine': its default_gan 'facez-64' does not come with ganlab; there are .*rooms-64",
        ),
    ],
)
def test_a_plugin_that_breaks_the_contract(module_of: Callable[[str], ModuleType], source: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_plugin(module_of(source))


LABELER = """

from ganlab import Labeler


class Glad(Labeler):
    name, concepts, measures, domain = "glad", ("smile",), ("width",), "faces"

    def shows(self, images, image):
        assert images.shape[-1] == {side}, "this judge is for pictures of another side"
        return (images[:, 0, :1, 0] > 0).numpy()

    def measure(self, images, image):
        return images[:, 0, :1, 0].numpy()

    def shows_and_measure(self, images, image):
        width = images[:, 0, :1, 0].numpy()
        return {shows}, {measures}


@hookimpl
def register_labelers():
    return [Glad()]
"""


@pytest.mark.parametrize(
    ("shows", "measures", "other"),
    [
        ("width > 0", "width", ""),
        ("width > 2", "width", "shows"),
        ("width > 0", "-width", "measure"),
    ],
)
def test_a_labeler_says_the_same_either_way(
    module_of: Callable[[str], ModuleType], shows: str, measures: str, other: str
) -> None:
    module = module_of(good() + LABELER.format(side=64, shows=shows, measures=measures))
    if not other:
        check_plugin(module)
        return
    with pytest.raises(AssertionError, match=rf"'glad': shows_and_measure\(\) does not say what {other}\(\) says"):
        check_plugin(module)


@pytest.mark.parametrize(
    ("shows", "measures", "words"),
    [
        ("width[:, :0] > 0", "width", r"shows\(\) is to return bool \(4, 1\), and returned bool \(4, 0\)"),
        ("width > 0", "width.tolist()", r"measure\(\) is to return floats \(4, 1\), and returned list"),
        ("width > 0, width", "width", r"shows_and_measure\(\) is to return two arrays, and returned tuple"),
    ],
)
def test_a_labeler_that_answers_in_another_shape_breaks_the_contract(
    module_of: Callable[[str], ModuleType], shows: str, measures: str, words: str
) -> None:
    with pytest.raises(AssertionError, match=f"'glad' breaks its promise: {words}"):
        check_plugin(module_of(good() + LABELER.format(side=64, shows=shows, measures=measures)))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            "images[:, 0, :1, 0] > 0",
            "np.random.random((4, 1)) > 0.5",
            r"shows\(\) answers otherwise when it is asked again",
        ),
        ("images[:, 0, :1, 0] > 0", "images.mul_(2)[:, 0, :1, 0] > 0", "changes the pictures that it is asked about"),
    ],
)
def test_a_labeler_that_is_not_a_function_of_the_pictures_breaks_the_contract(
    module_of: Callable[[str], ModuleType], before: str, after: str, words: str
) -> None:
    source = LABELER.format(side=64, shows="width > 0", measures="width").replace(
        f"({before}).numpy()", f"np.asarray({after})"
    )
    assert after in source
    source = source.replace("def shows(", "import numpy as np\n\n    def shows(").replace("np.", "Glad.np.")
    np.random.seed(0)  # noqa: NPY002 (what the labeler draws from: four bits, which one time in 16 come twice)
    with pytest.raises(AssertionError, match=f"'glad':? {words}"):
        check_plugin(module_of(good() + source))


@pytest.mark.parametrize("side", [28, 64])
def test_a_labeler_is_asked_of_such_pictures_as_it_takes(module_of: Callable[[str], ModuleType], side: int) -> None:
    module = module_of(good() + LABELER.format(side=side, shows="1 / 0", measures="width"))
    if side == 28:
        check_plugin(module)
        return
    with pytest.raises(AssertionError, match=r"'glad': shows_and_measure\(\) fails where .* division by zero"):
        check_plugin(module)


def test_an_analysis_that_can_be_no_command_breaks_the_contract(
    module_of: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even one that the signature's own checks let through."""
    source = good().replace("gan: Gan", "gan: Gan, j: Annotated[list[int], 'a'], k: Annotated[list[int], 'b']")
    monkeypatch.setattr("ganlab.analyses._check_together", lambda *_: None)
    module = module_of("\n".join(['"""Help."""', "from typing import Annotated", source]))
    with pytest.raises(AssertionError, match="'fine' cannot be a command: TypeError"):
        check_plugin(module)


def test_a_new_plugin_works_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_plugin("my-spread", tmp_path / "ganlab-my-spread")
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.syspath_prepend(folder / "tests")
    tests = importlib.import_module("test_my_spread")
    for name in [name for name in vars(tests) if name.startswith("test_")]:
        getattr(tests, name)()
    assert 'my-spread = "ganlab_my_spread"' in (folder / "pyproject.toml").read_text()


def test_a_new_plugin_hides_no_name_that_it_uses() -> None:
    module = ast.parse(scaffold.MODULE.replace("$function", "one"))
    own = {node.name for node in module.body if isinstance(node, ast.FunctionDef)} - {"one"}
    brought = {
        one.name for node in ast.walk(module) if isinstance(node, ast.Import | ast.ImportFrom) for one in node.names
    }
    used = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)} & set(dir(builtins))
    assert {name for name in own | brought | used if name.islower()} == scaffold.USED


@pytest.mark.parametrize(
    "name", ["Capital", "two words", "class", "-x", "train", "probe", "a--b", "", "figures", "between-pairs"]
)
def test_names_a_new_plugin_cannot_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(GanlabError):
        write_plugin(name, tmp_path / "new")
    assert not (tmp_path / "new").exists()
