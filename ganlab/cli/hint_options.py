"""What every command that opens a GAN also takes: the class that is meant, and what a file of bare weights lacks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

FILE_SECTION = "A GAN from a file of bare weights"


def _of_file(help: str, metavar: str | None = None, *names: str) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, show_default=False, rich_help_panel=FILE_SECTION)


# what a person may know better than the weights say; the names are those of ganlab.Hints
HINTS: dict[str, Any] = {
    "z": Annotated[str | None, _of_file("Law of z: uniform on [-1, 1], normal, or uniform01 on [0, 1].", "LAW")],
    "activation": Annotated[str | None, _of_file("Of the hidden layers: relu, 'leaky_relu 0.2', elu, ...", "NAME")],
    "upsampling": Annotated[
        str | None, _of_file("nearest or bilinear, before convolutions; with commas where layers differ.", "NAME")
    ],
    "eps": Annotated[
        str | None, _of_file("What norms add to variances, such as 0.001; with commas where they differ.", "NUMBER")
    ],
    "image_size": Annotated[int | None, _of_file("Side of the pictures in pixels.", "PIXELS")],
    "output": Annotated[str | None, _of_file("What ends the generator: tanh, sigmoid or none.", "NAME")],
    "statistics": Annotated[
        str | None, _of_file("fresh: estimate BatchNorm's statistics over samples, whatever is stored.", "fresh")
    ],
    "card": Annotated[Path | None, _of_file("A card.toml that states any of this, and wins.", "FILE")],
    "label": Annotated[
        str | None,
        typer.Option(
            help="The class that a conditional GAN draws: its number or name.", metavar="CLASS", show_default=False
        ),
    ],
    "trust": Annotated[
        bool | None,
        _of_file(
            "Let code run that comes with it: hub:..., or MODULE:CLASS+FILE of a pickled module.", None, "--trust"
        ),
    ],
}


def parameters(without: Collection[str] = ()) -> list[inspect.Parameter]:
    """The options as a signature has them, but those whose names are taken."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in HINTS.items()
        if name not in without
    ]


def taken_from(values: dict[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Take the options out of a command's values: those that were given, by name."""
    known = {name: values.pop(name, None) for name in HINTS if name not in without}
    return {name: value for name, value in known.items() if value is not None}


def with_hints(command: Callable[..., None], without: Collection[str] = ()) -> Callable[..., None]:
    """A command with these options too, but some; it gets those that were given as ``hints``, by name."""
    signature = inspect.signature(command)
    annotations = get_type_hints(command, include_extras=True)
    own = [
        parameter.replace(annotation=annotations[name])
        for name, parameter in signature.parameters.items()
        if name != "hints"
    ]

    @wraps(command)
    def call(*arguments: Any, **values: Any) -> None:
        hints = taken_from(values, without)
        command(*arguments, **values, hints=hints)

    call.__annotations__ = {}
    call.__signature__ = signature.replace(parameters=[*own, *parameters(without)])  # type: ignore[attr-defined]
    return call
