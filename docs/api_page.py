"""The page of public names, from their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, ForwardRef, get_args

import ganlab
from ganlab import data, nearest, testing
from ganlab.data import reading
from ganlab.labels import vocabulary
from ganlab.networks import activations

OPENING = """# Public names

Everything that may be imported from `ganlab`, as its docstrings have it; then [`ganlab.testing`](#ganlabtesting), for
the tests of plugins, and [what these give back](#what-these-give-back). `docs/generate.py` writes this page;
[plugins.md](plugins.md#public-names) says what belongs together.
"""
RETURNED = (
    reading.Batch,
    reading.Batches,
    nearest.Projected,
    activations.Recording,
    vocabulary.Said,
    data.labelled.Split,
)
RETURNED_OPENING = """## What these give back

Objects that nobody imports or makes: they come out of the names above.
"""
# what has no docstring of its own
WRITTEN_HERE = {
    "hookimpl": """`@hookimpl` above a function of a plugin says that it fills the hook of its name, such as
`register_analyses`, and there are [these](plugins.md#the-hooks). It takes nothing and returns a list. With
`@hookimpl(specname="register_analyses")` the function may be called otherwise.
"""
}
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
ITEM = re.compile(r"^([\w*, .]+?): (.*)$")


def page() -> str:
    """The whole page."""
    public = [*((name, getattr(ganlab, name)) for name in ganlab.__all__), ("ganlab.testing", testing)]
    returned = [(kind.__name__, kind) for kind in RETURNED]
    blocks = [[block for name, thing in things for block in described(name, thing)] for things in (public, returned)]
    return "\n".join([OPENING, *blocks[0], RETURNED_OPENING, *blocks[1]])


def described(name: str, thing: Any) -> Iterator[str]:
    """The sections of one name: itself, then what it holds."""
    yield f"## `{name}`\n"
    if name in WRITTEN_HERE:
        yield WRITTEN_HERE[name]
        return
    if choices := get_args(thing):
        yield f"For annotations: {', '.join(f'`{choice!r}`' for choice in choices[:-1])} or `{choices[-1]!r}`.\n"
        return
    if inspect.ismodule(thing):
        yield from entry("", thing)
        held = {key: getattr(thing, key) for key in thing.__all__}
    elif inspect.isclass(thing):
        yield from entry(name if inspect.signature(thing).parameters else "", thing)
        held = vars(thing)
    else:
        yield from entry(name, thing)
        held = {}
    for key, value in held.items():
        if not key.startswith("_") and (documented := unwrapped(value)) is not None:
            yield f"### `{name}.{key}`\n"
            yield from entry(f"{name}.{key}" if callable(documented) else "", documented)


def unwrapped(value: Any) -> Any:
    """The function below a method, the property itself; None for everything else, and where nothing is written."""
    value = getattr(value, "__func__", value)
    told = inspect.isfunction(value) or isinstance(value, property) or inspect.isclass(value)
    return value if told and value.__doc__ else None


def entry(call: str, thing: Any) -> Iterator[str]:
    """How it is called, and what is written about it."""
    if call:
        yield f"```text\n{signature(call, thing)}\n```\n"
    yield text(inspect.getdoc(thing) or "")


def signature(call: str, thing: Any) -> str:
    """As one types it, without ``self``; in several lines where it is long."""
    told = inspect.signature(thing)
    parts, star = [], False
    for parameter in told.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        marks = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
        star = star or parameter.kind is parameter.VAR_POSITIONAL
        part = marks.get(parameter.kind, "") + parameter.name
        if parameter.annotation is not parameter.empty:
            part += f": {written(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            part += f" = {default(parameter.default)}"
        parts.append(part)
    returns = "" if told.return_annotation in (told.empty, "None", None) else f" -> {written(told.return_annotation)}"
    line = f"{call}({', '.join(parts)}){returns}"
    return line if len(line) <= 100 else f"{call}(\n    " + ",\n    ".join(parts) + f",\n){returns}"


def written(annotation: Any) -> str:
    """An annotation as it stands in the source."""
    if isinstance(annotation, ForwardRef):
        return annotation.__forward_arg__
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def default(value: Any) -> str:
    """A default that reads the same everywhere: no addresses in memory."""
    said = repr(value)
    return "..." if " at 0x" in said or said.startswith("<") else said


def text(doc: str) -> str:
    """A docstring as Markdown: sections become lists."""
    lines: list[str] = []
    section = ""
    for line in doc.splitlines():
        found = SECTION.match(line)
        if found:
            section = found[1]
            lines += [f"**{section}**", ""]
        elif section and line.startswith("    ") and not line.startswith("     "):
            item = ITEM.match(line.strip())
            lines.append(f"- `{item[1]}`: {item[2]}" if item and section != "Returns" else f"- {line.strip()}")
        elif section and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            section = section if not line else ""
            lines.append(line.removesuffix("::") + ":" if line.endswith("::") else line)
    plain = re.sub(r":\w+:`~?(?:ganlab\.)?([^`]+)`", r"``\1``", "\n".join(lines))
    return plain.replace("``", "`").rstrip() + "\n"
