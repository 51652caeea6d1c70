"""``ganlab plugins``: what there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ganlab import screen
from ganlab.errors import GanlabError
from ganlab.plugin_checks import KINDS
from ganlab.plugins import PluginHost, host

plugins = typer.Typer(
    help="Plugins: list them, check one, start one.",
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
)


@plugins.callback()
def plugins_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_plugins()


@plugins.command("list")
def list_plugins() -> None:
    """Every plugin, what it brings, and which were left out and why."""
    known = host()
    table = screen.plain_table("plugin", "from", "brings")
    for name, entry in known.entries.items():
        brings = what_it_brings(known, name)
        if known.problem(name) is None:
            table.add_row(name, entry.distribution, brings)
    for name in known.disabled:
        table.add_row(name, "", "disabled by GANLAB_DISABLE")
    screen.plain_console().print(table)
    for problem in known.problems:
        screen.say(f"Warning: {problem}")


@plugins.command("check")
def check(
    plugin: Annotated[str, typer.Argument(help="An installed plugin's name, or a .py file.", metavar="PLUGIN")],
) -> None:
    """Hold a plugin to the contract: hooks, signatures, help, imports."""
    from ganlab.testing import check_plugin

    if plugin.endswith(".py"):
        problem = host().add_file(Path(plugin))
        if problem is not None:
            raise problem.error()
        plugin = Path(plugin).stem
    brings = what_it_brings(host(), plugin) if plugin in host().entries else ""
    problem = host().problem(plugin)
    if problem is not None:
        raise problem.error()
    if plugin not in host().entries:
        raise GanlabError(f"There is no plugin '{plugin}'.", "`ganlab plugins` lists them.")
    try:
        check_plugin(host().module(plugin))
    except AssertionError as error:
        raise GanlabError(
            f"The plugin '{plugin}' breaks the contract: {error}.", "docs/plugins.md says what a plugin promises."
        ) from error
    screen.tell(f"{plugin}: {brings}. All is well.")


@plugins.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The command it will bring: ganlab NAME.", metavar="NAME")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it.", show_default="ganlab-NAME")] = None,
) -> None:
    """Write a complete plugin package to start from: analysis, test, packaging."""
    from ganlab.scaffold import write_plugin

    written = write_plugin(name, folder or Path(f"ganlab-{name}"))
    screen.tell(f"Wrote {written}. Next: pip install -e {Path.cwd() / written}, then ganlab {name} --help")


def what_it_brings(known: PluginHost, name: str) -> str:
    """All that a plugin brings, in a few words; empty where it was left out."""
    try:
        offered = known.offers(name)
    except GanlabError:
        return ""
    parts = []
    if offered:
        words = [name] if len(offered) == 1 else [f"{name} {word}" for word in offered]
        parts.append(f"{_plural('command', len(words))} {', '.join(words)}")
    for hook, things in known.provides(name).items():
        if things:
            parts.append(f"{_plural(KINDS[hook].word, len(things))} {', '.join(things)}")
    return "; ".join(parts) or "nothing"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
