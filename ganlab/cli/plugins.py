"""``ganlab plugins``: what there is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from ganlab import screen
from ganlab.errors import GanlabError
from ganlab.plugins import PluginHost, host
from ganlab.plugins.checks import KINDS
from ganlab.plugins.metadata import GROUP
from ganlab.shell import shell_word
from ganlab.wording import plural

PROJECT, INIT = "pyproject.toml", "__init__.py"

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

    if plugin not in host().entries and is_package(Path(plugin)):
        raise GanlabError(
            f"{plugin} belongs to a package, which is checked by the name of its plugin once it is installed.",
            how_to_install(Path(plugin)),
        )
    if plugin.endswith(".py"):
        problem = host().add_file(Path(plugin))
        if problem is not None:
            raise problem.error()
        plugin = Path(plugin).stem
    brings = what_it_brings(host(), plugin) if plugin in host().entries else ""
    # one that was left out since another has its name is meant as well as that other
    problem = next((one for one in host().problems if one.name == plugin), None)
    if problem is not None:
        raise problem.error()
    if plugin not in host().entries:
        named = plugin.removeprefix("ganlab-")  # the distribution's name, where the command's is meant
        hint = f"Its name is '{named}': ganlab plugins check {shell_word(named)}" if named in host().entries else ""
        raise GanlabError(f"There is no plugin '{plugin}'.", hint or "`ganlab plugins` lists them.")
    try:
        check_plugin(host().module(plugin))
    except AssertionError as error:
        raise GanlabError(
            f"The plugin '{plugin}' breaks the contract: {str(error).rstrip('.')}.",
            "docs/plugins.md says what a plugin promises.",
        ) from error
    screen.tell(f"{plugin}: {brings}. All is well.")


@plugins.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The command it will bring: ganlab NAME.", metavar="NAME")],
    folder: Annotated[Path | None, typer.Option(help="Where to write it.", show_default="ganlab-NAME")] = None,
) -> None:
    """Write a complete plugin package to start from: analysis, test, packaging."""
    from ganlab.plugins.scaffold import write_plugin

    name = name.removeprefix(f"{GROUP}-")  # the distribution's name, where the command's is meant
    written = write_plugin(name, folder or Path(f"ganlab-{name}"))
    screen.tell(f"Wrote {written}. Next: pip install -e {quoted(written)}, then ganlab {name} --help")


def is_package(path: Path) -> bool:
    """Whether this is a project's folder, a package's, or its ``__init__.py``."""
    return any((path / name).is_file() for name in (PROJECT, INIT)) or (path.name == INIT and path.is_file())


def how_to_install(path: Path) -> str:
    """What to type so that the plugin of a package can be checked."""
    project = next(
        (one / PROJECT for one in (path.absolute(), *path.absolute().parents) if (one / PROJECT).is_file()), None
    )
    if project is None:
        return f"It needs a {PROJECT}; `ganlab plugins new NAME` writes a package that has one."
    try:
        names = list(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["entry-points"][GROUP])
    except (OSError, ValueError, LookupError, TypeError):  # it cannot be read, is no TOML, or lacks them
        names = []
    if not names:
        return f"{project} names no plugin under [project.entry-points.{GROUP}]; see docs/plugins.md."
    return f"First: pip install -e {quoted(project.parent)}, then: ganlab plugins check {' or '.join(names)}"


def quoted(path: Path) -> str:
    """A path for a line to be copied into a shell, in whatever folder."""
    return shell_word(path.absolute())


def what_it_brings(known: PluginHost, name: str) -> str:
    """All that a plugin brings, in a few words; empty where it was left out."""
    try:
        commands = known.commands(name)
    except GanlabError:
        return ""
    parts = []
    if commands:
        parts.append(f"{plural('command', len(commands))} {', '.join(commands)}")
    for hook, things in known.provides(name).items():
        if things:
            parts.append(f"{plural(KINDS[hook].word, len(things))} {', '.join(things)}")
    return "; ".join(parts) or "nothing"
