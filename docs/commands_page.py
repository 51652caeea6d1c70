"""The page of commands, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from ganlab.cli.app import app
from ganlab.documentation import folder
from ganlab.plugins import host

WIDTH = 100
OPENING = """# Commands

What `ganlab COMMAND --help` says, for every command that comes with ganlab. `docs/generate.py` writes this page.

A command ends with exit code 0 when it is done, 2 when you can mend what is wrong (one sentence and a hint say how), 1
when something crashed, and 130 after Ctrl-C (128 and the number of the signal: 143 after SIGTERM, 129 when the terminal
closes). Results go to standard output; progress and everything else to standard error.

| environment variable | what it sets | without it |
|---|---|---|
| `GANLAB_GAN` | the GAN where no `--gan` is given | one that ships |
| `GANLAB_RUNS` | the folder for runs, and for GANs that `--save` keeps | `runs` in the current folder |
| `GANLAB_CACHE` | the folder for decoded pictures, fetched checkpoints, networks worked out | `~/.cache/ganlab` |
| `GANLAB_DISABLE` | plugins to leave out: `name,name` | none |
| `GANLAB_TRACEBACK` | `1`: show where an error came from, as `--traceback` does | a sentence only |
"""


def commands(command: Any, context: Any) -> Iterator[tuple[str, str]]:
    """Every command below this one: how it is typed, and its help."""
    yield context.command_path, command.get_help(context)
    for name in command.list_commands(context) if hasattr(command, "list_commands") else []:
        below = command.get_command(context, name)
        yield from commands(below, below.context_class(below, context, info_name=name))


def page() -> str:
    """The whole page."""
    for name in [name for name, entry in host().entries.items() if not entry.builtin]:
        del host().entries[name]  # somebody else's plugin that is installed here
    root = get_command(app)
    context = root.context_class(root, info_name="ganlab", terminal_width=WIDTH)
    sections = [f"## {path}\n\n```text\n{help.rstrip()}\n```\n" for path, help in commands(root, context)]
    return "\n".join([OPENING, *sections]).replace(str(folder()), "docs")  # where they lie here
