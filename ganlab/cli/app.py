"""The ``ganlab`` command, thin: the core's commands, and one for every plugin, imported only when it runs."""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from signal import SIGINT
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

import ganlab
from ganlab import screen
from ganlab.cli.explaining import exit_code, explain
from ganlab.documentation import folder
from ganlab.errors import GanlabError
from ganlab.formats import PluginWarning
from ganlab.networks.devices import keep_freed_memory
from ganlab.plugins import host
from ganlab.plugins.metadata import PluginEntry
from ganlab.signals import ENDING, Signalled, raised
from ganlab.training.ending import Ended
from ganlab.training.processes import announced_alone
from ganlab.wording import did_you_mean

# name -> where its function or Typer app is; imported when it runs or shows its help
CORE_COMMANDS = {
    "train": "ganlab.cli.train:train",
    "sample": "ganlab.cli.sample:sample",
    "data": "ganlab.cli.data:data",
    "checkpoints": "ganlab.cli.checkpoints:checkpoints",
    "plugins": "ganlab.cli.plugins:plugins",
}
LONGEST_SENTENCE = 500  # letters of a command's summary in a list; click would cut it to one line


class Root(TyperGroup):
    """The root command: knows every plugin by name, imports the one that is asked for."""

    running: PluginEntry | None = None
    completing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return [*CORE_COMMANDS, *_plugin_summaries()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in CORE_COMMANDS:
            return _with_whole_summaries(_core_command(cmd_name))
        if cmd_name not in host().entries:
            return None
        if self.completing:  # names are enough
            return _stub(cmd_name, _plugin_summaries().get(cmd_name, ""))
        Root.running = host().entries[cmd_name]
        return _with_whole_summaries(_plugin_command(Root.running))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if "--help" not in args and not ctx.resilient_parsing:
            for file in ctx.params.get("plugin") or []:
                host().require(file.stem)
        command = self.get_command(ctx, name)
        if command is None:
            raise _unknown(name, self.list_commands(ctx))
        return name, command, args[1:]

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        self.completing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self.completing = False

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(_core_command(name))) for name in CORE_COMMANDS])
        summaries = _plugin_summaries()
        if summaries:
            with formatter.section("Investigations, each a plugin"):
                formatter.write_dl(list(summaries.items()))
        formatter.write_paragraph()
        formatter.write_text(f"Pages to read: {folder()}")
        warn_of_problems()


HELP = """Open up pretrained GANs: train a DCGAN or bring your own, then ask what it has learnt."""

app = typer.Typer(
    cls=Root,
    rich_markup_mode=None,
    help=HELP,
    invoke_without_command=True,
    context_settings={"max_content_width": 110},
)


def _take_files(files: list[Path] | None) -> list[Path]:
    for file in files or []:
        problem = host().add_file(file)
        if problem is not None:
            raise problem.error()
    return files or []


def _print_version(wanted: bool) -> None:
    if wanted:
        screen.tell(f"ganlab {ganlab.__version__}")
        raise typer.Exit()


@app.callback()
def root(
    context: typer.Context,
    plugin: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also load a plugin from this file; its command is the file's name. May be given several times.",
            metavar="FILE.py",
            callback=_take_files,
            is_eager=True,
            show_default=False,
        ),
    ] = None,
    traceback: Annotated[
        bool,
        typer.Option(
            "--traceback",
            help="Show where an error came from; goes anywhere on the line. Also: GANLAB_TRACEBACK=1.",
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        screen.tell(context.get_help())


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run ``ganlab`` and end the process: 0 done, 1 crashed, 2 the user can mend it, 130 stopped (128 + signal)."""
    words = list(sys.argv[1:] if args is None else args)
    with_traceback = "--traceback" in words or os.environ.get("GANLAB_TRACEBACK", "") not in ("", "0")
    words = [word for word in words if word != "--traceback"]
    Root.running = None
    keep_freed_memory()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # names that its encoding does not have
    warnings.showwarning = partial(_show_warning, warnings.showwarning)
    # of several processes that train together one may wait where no handler is heard: SIGTERM has to end it itself
    with raised(ENDING if announced_alone() else (SIGINT,)) as came:
        sys.exit(_explained(words, came, with_traceback))


def _explained(words: list[str], came: list[int], with_traceback: bool) -> Any:
    """Run one command line, which signals may end, and say how it ended; what :func:`sys.exit` takes."""
    try:
        run(words)
    except (typer.Exit, SystemExit) as ended:
        return ended.exit_code if isinstance(ended, typer.Exit) else ended.code
    except Ended as ended:
        return exit_code(ended)
    except BaseException as error:
        if with_traceback:
            traceback.print_exc()
        interrupted = came and not isinstance(error, GanlabError)
        return explain(Signalled(came[0]) if interrupted else error, Root.running)
    return 0


def run(words: list[str]) -> None:
    """Run one command line; whatever goes wrong is raised, Ctrl-C too."""
    command = get_command(app)
    if "_GANLAB_COMPLETE" in os.environ:  # the shell asks how a word could go on
        command.main(words, prog_name="ganlab")
    with command.make_context("ganlab", words) as context:
        command.invoke(context)


def warn_of_problems() -> None:
    """One line for every plugin that was left out."""
    for problem in host().problems:
        screen.say(f"Warning: {problem}")


def _show_warning(
    others: Callable[..., None], message: Warning | str, category: type[Warning], *place: Any, **more: Any
) -> None:
    """What a plugin costs is one line, without the place in ganlab's code; warnings of other libraries stay theirs."""
    if issubclass(category, PluginWarning):
        screen.say(f"Warning: {message}")
    else:
        others(message, category, *place, **more)


def _core_command(name: str) -> Any:
    module, attribute = CORE_COMMANDS[name].split(":")
    thing = getattr(import_module(module), attribute)
    if not isinstance(thing, typer.Typer):
        function, thing = thing, typer.Typer(rich_markup_mode=None, add_completion=False)
        thing.command(name)(function)
    command = get_command(thing)
    command.name = name
    return command


def _with_whole_summaries(command: Any) -> Any:
    """The command; in a group, whatever it lists has its first sentence in full."""
    for below in getattr(command, "commands", {}).values():
        below.short_help = _summary(_with_whole_summaries(below))
    return command


def _summary(command: Any) -> str:
    return str(command.get_short_help_str(LONGEST_SENTENCE))


def _plugin_command(entry: PluginEntry) -> Any:
    from ganlab.cli.commands import plugin_command
    from ganlab.cli.running import run_analysis

    offered = host().offers(entry.name)
    facts = host().facts(entry.name)
    summary = facts.summary if facts else ""
    if not offered:
        raise GanlabError(f"The plugin '{entry.name}' brings no command.", "`ganlab plugins` shows what it brings.")
    loose = [known.file for known in host().entries.values() if known.file is not None]
    return plugin_command(entry.name, summary, offered, partial(run_analysis, plugin_files=loose))


def _plugin_summaries() -> dict[str, str]:
    """Name and help of every plugin that brings commands, without importing any."""
    facts = {name: host().facts(name) for name in host().entries}
    return {name: known.summary for name, known in facts.items() if known is not None and known.has_commands}


def _stub(name: str, summary: str) -> Any:
    stub = typer.Typer(rich_markup_mode=None, add_completion=False)
    stub.command(name, help=summary)(lambda: None)
    return get_command(stub)


def _unknown(name: str, known: list[str]) -> GanlabError:
    problem = host().problem(name)
    if problem is not None:
        return problem.error()
    if name in host().disabled:
        return GanlabError(f"The plugin '{name}' is disabled.", "Take it out of GANLAB_DISABLE.")
    advice = [_commands_of(entry) for entry in host().entries.values() if entry.file is not None]
    advice.append(did_you_mean(name, known) or ("" if advice else "`ganlab --help` lists the commands."))
    advice.append(host().left_out())
    return GanlabError(f"There is no command '{name}'.", " ".join(filter(None, advice)))


def _commands_of(entry: PluginEntry) -> str:
    """What a loose file's commands are called, for whoever types the name of a function in it."""
    names = host().commands(entry.name)
    the = {0: "no command", 1: "the command"}.get(len(names), "the commands")
    return f"{entry.file} brings {the} {', '.join(names)}".rstrip() + "."
