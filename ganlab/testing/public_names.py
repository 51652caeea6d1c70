"""What a source takes from ganlab that is not public, read from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import ganlab

NO_SECRETS = {"_replace", "_fields", "_asdict", "_make"}  # underscored only to keep them from a tuple's own names


def private_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything a source takes from ganlab that is not public.

    Modules and names that :data:`ganlab.__all__` does not list, whatever they are imported as, and attributes that
    begin with an underscore: of anything but ``self``, ``cls``, a module from elsewhere, or what the source itself
    defines.
    """
    called, elsewhere, own = _called(tree), _from_elsewhere(tree), _defined(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, name) for name in _imported(node))
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, name) for name in _imported_late(node, called))
        elif isinstance(node, ast.Attribute):
            if called.get(ast.unparse(node.value)) == "ganlab":
                if not _public(node.attr):
                    yield node.lineno, f"ganlab.{node.attr}"
            elif _secret(node.attr) and node.attr not in own and not _free(node.value, elsewhere):
                yield node.lineno, ast.unparse(node)


def _called(tree: ast.AST) -> dict[str, str]:
    """What every imported name of the source stands for: ``g`` -> ``ganlab``."""
    names = {"ganlab": "ganlab", "__import__": "importlib.import_module"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names if alias.name.startswith("ganlab.")]
    if node.level or not node.module:
        return []
    if node.module == "ganlab":
        return [f"ganlab.{alias.name}" for alias in node.names if not _public(alias.name)]
    return [node.module] if node.module.startswith("ganlab.") else []


def _imported_late(node: ast.Call, called: dict[str, str]) -> list[str]:
    """The module that ``import_module("ganlab.x")`` names."""
    first, dot, rest = ast.unparse(node.func).partition(".")
    if called.get(first, first) + dot + rest != "importlib.import_module":
        return []
    given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "name")]
    names = [one.value for one in given if isinstance(one, ast.Constant)]
    return [name for name in names if isinstance(name, str) and name.startswith("ganlab.")]


def _public(name: str) -> bool:
    return name in ganlab.__all__ or name == "__version__"


def _secret(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in NO_SECRETS


def _free(owner: ast.expr, elsewhere: set[str]) -> bool:
    """Whether a source may use underscored attributes of this: its own object, or a module that is not ganlab's."""
    if _itself(owner):
        return True
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    return isinstance(owner, ast.Name) and owner.id in elsewhere


def _itself(owner: ast.expr) -> bool:
    return ast.unparse(owner) in ("self", "cls", "super()")


def _from_elsewhere(tree: ast.AST) -> set[str]:
    """The names that are imported from anywhere but ganlab."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            others = (alias for alias in node.names if alias.name.partition(".")[0] != "ganlab")
            found |= {alias.asname or alias.name.partition(".")[0] for alias in others}
        elif isinstance(node, ast.ImportFrom) and (node.level or node.module != "ganlab"):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def _defined(tree: ast.AST) -> set[str]:
    """The names that the source gives to functions, classes, fields and attributes of ``self`` and ``cls``."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _itself(node.value):
            found.add(node.attr)
    return found
