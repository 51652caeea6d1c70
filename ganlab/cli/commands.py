"""From an analysis to a command: the signature becomes options, once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from ganlab.analyses import Analysis
from ganlab.cli import hint_options
from ganlab.parameters import Parameter
from ganlab.wording import option_name

RUN_SECTION = "Where and how"

# what every analysis gets besides its own options; those for a GAN only where it takes one
OUT = Annotated[
    Path | None,
    typer.Option(
        help="A new folder for the run. Default: the next of runs/COMMAND/ (or below GANLAB_RUNS).",
        metavar="FOLDER",
        show_default=False,
        rich_help_panel=RUN_SECTION,
    ),
]
JSON = Annotated[
    bool,
    typer.Option("--json", help="Print result.json and nothing else on standard output.", rich_help_panel=RUN_SECTION),
]
DEVICE = Annotated[
    str,
    typer.Option(
        help="auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.", metavar="DEVICE", rich_help_panel=RUN_SECTION
    ),
]

Run = Callable[..., None]


class SectionedCommand(TyperCommand):
    """A command whose help shows its own options first, then what it shares with all others.

    Plain text: other people's square brackets stay as they are.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            usual = "Arguments" if param.param_type_name == "argument" else "Options"
            last = RUN_SECTION if param.name == "help" and RUN_SECTION in sections else usual
            sections.setdefault(getattr(param, "rich_help_panel", None) or last, []).append(record)
        for title, records in sections.items():
            if not records:
                continue
            with formatter.section(title):
                formatter.write_dl(records)


def plugin_command(name: str, summary: str, offered: Mapping[str, Any], run: Run) -> Any:
    """The command of a plugin: its only analysis or command itself, or a group of several.

    Args:
        name: the plugin's name, which is the command.
        summary: one line for a group's help.
        offered: name -> analysis, function with Typer's annotations, or Typer app.
        run: runs an analysis; called with (analysis, words, values, out, as_json, device).
    """
    if len(offered) == 1:
        (thing,) = offered.values()
        command = get_command(thing if isinstance(thing, typer.Typer) else _app_of(thing, (name,), run))
    else:
        app = typer.Typer(help=summary, rich_markup_mode=None, add_completion=False, no_args_is_help=True)
        app.callback()(lambda: None)
        for word, thing in offered.items():
            app.add_typer(thing, name=word) if isinstance(thing, typer.Typer) else _add(
                app, word, thing, (name, word), run
            )
        command = get_command(app)
    command.name = name
    return command


def analysis_function(analysis: Analysis, words: tuple[str, ...], run: Run) -> Callable[..., None]:
    """A function whose signature Typer reads as the analysis's options and the common ones."""

    own = [_cli_parameter(parameter) for parameter in analysis.parameters]
    options = {option for parameter in analysis.parameters for option in parameter.options}
    taken = {parameter.name for parameter in analysis.parameters}
    taken |= {name for name in hint_options.HINTS if option_name(name) in options}
    taken |= {"label"} if analysis.all_classes else set()
    takes_gan = any(parameter.holds_gan for parameter in analysis.parameters)
    common = [_keyword("out", OUT, None), _keyword("json", JSON, False)]
    if takes_gan:
        common = [*hint_options.parameters(taken), *common]
        common.append(_keyword("device", DEVICE, "auto"))

    def call(*, out: Path | None = None, json: bool = False, device: str = "auto", **values: Any) -> None:
        hints = hint_options.taken_from(values, taken) if takes_gan else {}
        run(analysis, words, values, out=out, as_json=json, device=device, hints=hints)

    call.__signature__ = inspect.Signature(own + common)  # type: ignore[attr-defined]
    call.__annotations__ = {}
    return call


def command_line(
    analysis: Analysis,
    words: tuple[str, ...],
    values: Mapping[str, Any],
    hints: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> list[str]:
    """The words that run an analysis with these values again: whatever differs from the defaults."""
    positional, options = [], []
    for parameter in analysis.parameters:
        value = values.get(parameter.name)
        if value is None or (not parameter.required and value == parameter.default):
            continue
        texts = [str(one) for one in value] if parameter.many else [str(value)]
        if parameter.positional:
            positional += texts
        elif parameter.type is bool and not parameter.many:
            options.append(parameter.options[0 if value else -1])
        else:
            for text in texts:
                options += [option_name(parameter.name), text]
    for name, value in (hints or {}).items():
        options += [option_name(name)] if value is True else [option_name(name), str(value)]
    if device != "auto":
        options += ["--device", device]
    if any(text.startswith("-") for text in positional):
        return ["ganlab", *words, *options, "--", *positional]
    return ["ganlab", *words, *positional, *options]


def _app_of(thing: Any, words: tuple[str, ...], run: Run) -> typer.Typer:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    _add(app, words[-1], thing, words, run)
    return app


def _add(app: typer.Typer, word: str, thing: Any, words: tuple[str, ...], run: Run) -> None:
    function, help = (
        (analysis_function(thing, words, run), thing.help) if isinstance(thing, Analysis) else (thing, None)
    )
    app.command(word, cls=SectionedCommand, help=help)(function)


def _cli_parameter(parameter: Parameter) -> inspect.Parameter:
    # Typer knows no lists of a Literal; the analysis refuses other words itself
    several_words = parameter.kind == "choice" and parameter.many
    type_ = str if parameter.kind == "source" or several_words else parameter.type
    shown: dict[str, Any] = {"help": parameter.help}
    if parameter.kind == "source":
        shown["metavar"] = parameter.type.__name__.upper()
    if several_words:
        shown["metavar"] = f"[{'|'.join(parameter.choices)}]"
    if parameter.range is not None:
        shown |= {"min": parameter.range.low, "max": parameter.range.high}
    if parameter.positional:
        shown["metavar"] = parameter.name.strip("_").upper()
        return _keyword(parameter.name, Annotated[_many(parameter, type_), typer.Argument(**shown)])
    names = ["/".join(parameter.options)]
    if parameter.default is None or parameter.default in ([], ()):
        shown["show_default"] = False
    default = list(parameter.default) if parameter.many and parameter.default is not None else parameter.default
    wanted = _many(parameter, type_)
    return _keyword(
        parameter.name,
        Annotated[wanted | None if default is None else wanted, typer.Option(*names, **shown)],
        default,
    )


def _many(parameter: Parameter, type_: Any) -> Any:
    return list[type_] if parameter.many else type_


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
