"""Imports point one way (docs: the house's rooms), and built-in plugins use the public door only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ganlab
from ganlab.testing.packaging import HEAVY
from ganlab.testing.public_names import private_names

ROOT = Path(__file__).parents[1]

# from the foundations up: a room may import from its own storey and from those below
STOREYS: list[set[str]] = [
    {"errors", "card", "classes", "documentation", "locations", "shell", "signals", "wording", "writing", "zips"},
    {"figures", "imagespec", "latents", "nearest", "networks", "progressbar"},
    {"gan"},
    {"formats", "results"},
    {"data", "labels"},
    {"analyses", "parameters"},
    {"hookspecs"},
    {"plugins"},
    {"architectures"},
    {"recovery"},
    {"checkpoints", "fetching", "runs", "screen"},
    {"training"},
    {"cli"},
    {"__main__", "testing"},
]

# late imports against the arrows, inside functions: whoever resolves a name asks those who know it
LATE = {
    "gan": {"checkpoints", "architectures"},  # Gan.from_spec; untrained networks
    "formats": {"plugins"},  # whose format it is
    "data": {"plugins"},  # data sets by name
    "labels": {"plugins"},  # labelers by name
    "analyses": {"plugins"},  # analyses by their command
    "cli": {"testing"},  # `ganlab plugins check` asks what plugins' own tests ask
}

# may import these at once; everybody else waits until they are needed, so that help stays fast
HEAVY_AT_ONCE = {
    "networks/activations",
    "networks/surgery",
    "networks/conditional",
    "architectures/chain",
    "architectures/classes",
    "architectures/convolutions",
    "architectures/dcgan",
    "architectures/digits",
    "architectures/mlp",
    "architectures/promises",
    "architectures/shapes",
    "checkpoints/endings",
    "checkpoints/exporting",
    "checkpoints/factories",
    "checkpoints/filling",
    "checkpoints/native",
    "checkpoints/plain_arrays",
    "checkpoints/pytorch",
    "checkpoints/remembered",
    "checkpoints/reopening",
    "checkpoints/cost",
    "checkpoints/safetensors",
    "checkpoints/tracing",
    "checkpoints/trusted",
    "nearest",
    "recovery/beginnings",
    "recovery/building",
    "recovery/orders",
    "recovery/chaining",
    "recovery/estimating",
    "recovery/smoothness",
    "recovery/generators",
    "recovery/hypotheses",
    "recovery/discriminator_alone",
    "recovery/discriminator_layers",
    "recovery/discriminator_search",
    "recovery/discriminator_ways",
    "recovery/discriminators",
    "recovery/parts",
    "recovery/recover",
    "recovery/hearing",
    "recovery/search",
    "recovery/simulate",
    "recovery/tables",
    "recovery/witness",
    "training",
}


def test_every_module_has_a_storey() -> None:
    rooms = {
        path.stem for path in (ROOT / "ganlab").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert rooms - {"__init__"} == set().union(*STOREYS)


def _inside(path: Path) -> str:
    return path.relative_to(ROOT / "ganlab").with_suffix("").as_posix()


def _room(path: Path) -> str:
    return _inside(path).partition("/")[0]


FILES = sorted((ROOT / "ganlab").rglob("*.py"))
IN_ROOMS = [path for path in FILES if _room(path) != "__init__"]
LIGHT = [path for path in FILES if not {_room(path), _inside(path)} & HEAVY_AT_ONCE]


@pytest.mark.parametrize("path", IN_ROOMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    room = _room(path)
    for line, imported, when in _imports(path):
        if when == "types" or imported in ("", room):
            continue
        allowed = _storey(imported) <= _storey(room) or (when == "late" and imported in LATE.get(room, ()))
        assert allowed, f"{path.relative_to(ROOT)}, line {line}: {room} must not import {imported} {when}"


@pytest.mark.parametrize("path", LIGHT, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_imports_wait(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    at_once = [name for node in _statements(tree) for name in _modules(node)]
    assert not [name for name in at_once if name.partition(".")[0] in {*HEAVY, "jinja2", "rich"}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_line_knows_its_library(path: Path) -> None:
    tree = ast.parse(path.read_bytes())
    for_types = {id(below) for node in tree.body if _is_type_checking(node) for below in ast.walk(node)}
    named = [name for node in ast.walk(tree) if id(node) not in for_types for name in _modules(node)]
    assert _room(path) == "cli" or not {name.partition(".")[0] for name in named} & {"typer", "click"}


def test_no_exception_is_stale() -> None:
    """Every late import against the arrows that is allowed is still there."""
    used: dict[str, set[str]] = {}
    for path in (ROOT / "ganlab").rglob("*.py"):
        for _, imported, when in _imports(path):
            if when == "late" and imported and _room(path) != "__init__" and _storey(imported) > _storey(_room(path)):
                used.setdefault(_room(path), set()).add(imported)
    assert used == LATE


PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))
PLUGINS = sorted({ROOT / "plugins" / path.relative_to(ROOT / "plugins").parts[0] for path in PLUGIN_FILES})


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_built_in_plugins_use_public_names_only(path: Path) -> None:
    private = list(private_names(ast.parse(path.read_bytes())))
    assert not private, f"{path.relative_to(ROOT)}: not in ganlab.__all__: {private}"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_plugins_do_not_import_each_other(path: Path) -> None:
    own = path.relative_to(ROOT / "plugins").parts[0]
    tree = ast.parse(path.read_bytes())
    tops = {name.partition(".")[0] for node in ast.walk(tree) for name in _modules(node)}
    assert not {top for top in tops if top.startswith("ganlab_")} - {own}


def test_public_names_are_there() -> None:
    for name in ganlab.__all__:
        assert getattr(ganlab, name) is not None
    assert callable(ganlab.analysis)
    assert callable(ganlab.progress)


KITS = sorted((ROOT / "tests").glob("*_kit.py"))
SPEAKS_OF_DISCRIMINATORS = ("architectures", "checkpoints", "recovery", "training", "gan.py")


def test_a_judge_is_a_labeler_and_never_a_discriminator() -> None:
    places = [ROOT / "ganlab" / name for name in SPEAKS_OF_DISCRIMINATORS]
    files = [path for place in places for path in (place, *place.rglob("*.py"))]
    named = [path.name for path in files if path.is_file() and "judg" in (path.name + path.read_text("utf-8")).lower()]
    assert len(files) > 40
    assert not named


@pytest.mark.parametrize("place", [*PLUGINS, *KITS], ids=lambda place: place.name)
def test_where_no_labeler_is_nothing_is_a_judge(place: Path) -> None:
    trees = [ast.parse(path.read_bytes()) for path in (place, *place.rglob("*.py")) if path.is_file()]
    names = {name for tree in trees for node in ast.walk(tree) for name in _named(node)}
    assert "Labeler" in names or not [name for name in names if "judg" in name.lower()]


def _named(node: ast.AST) -> Iterator[str]:
    """The names of a node: of what it defines, takes, calls or imports."""
    for field in ("id", "attr", "arg", "name", "asname"):
        if isinstance(name := getattr(node, field, None), str):
            yield name


def _storey(room: str) -> int:
    return next(number for number, rooms in enumerate(STOREYS) if room in rooms)


def _imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, imported room of ganlab, and when: "at once", "late" (inside a function) or "types"."""
    tree = ast.parse(path.read_bytes())
    at_once = {id(node) for node in _statements(tree)}
    for_types = {id(below) for node in tree.body if _is_type_checking(node) for below in ast.walk(node)}
    for node in ast.walk(tree):
        when = "types" if id(node) in for_types else "at once" if id(node) in at_once else "late"
        for name in _modules(node):
            if name == "ganlab" or name.startswith("ganlab."):
                yield getattr(node, "lineno", 0), name.removeprefix("ganlab").strip(".").partition(".")[0], when


def _modules(node: ast.AST) -> list[str]:
    """The modules an import statement names; ``from ganlab import figures`` names ganlab.figures."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
        return []
    if node.module != "ganlab":
        return [node.module]
    return [f"ganlab.{_home(alias.name)}" for alias in node.names]


def _home(name: str) -> str:
    """The room a name of ``ganlab`` comes from."""
    if name.startswith("__"):
        return ""
    return ganlab._HOME_OF.get(name) or name


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """What runs when a module is imported, but for type checkers' blocks."""
    found: list[ast.stmt] = []
    waiting = [node for node in tree.body if not _is_type_checking(node)]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting += [below for below in ast.iter_child_nodes(node) if isinstance(below, ast.stmt)]
    return found


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
