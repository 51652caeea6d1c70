"""``ganlab plugins`` and ``ganlab checkpoints``: what there is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

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
checkpoints = typer.Typer(
    help="GANs known by name: list them, look at one, fetch one.",
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


@checkpoints.callback()
def checkpoints_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_checkpoints()


@checkpoints.command("list")
def list_checkpoints() -> None:
    """GANs that --gan knows by name."""
    from ganlab.checkpoints import named_checkpoints, shipped_folder

    table = screen.plain_table("name", "where", "folder")
    for name, folder in named_checkpoints().items():
        table.add_row(name, "ships with ganlab" if folder.parent == shipped_folder() else "saved here", str(folder))
    screen.plain_console().print(table)


@checkpoints.command("info")
def info(spec: Annotated[str, typer.Argument(help="A name, a folder, a file, or FORMAT:PATH.", metavar="GAN")]) -> None:
    """What a GAN is: its card, its layers, its hash."""
    from ganlab.checkpoints import load_gan

    gan = load_gan(spec)
    out = screen.plain_console()
    out.print(gan.name, style="bold")
    if gan.card.summary:
        out.print(gan.card.summary)
    image, prior = gan.image, gan.prior
    out.print(f"pictures {image.size}x{image.size}, {image.channels} channels; z {prior.dim}, {prior.law}")
    out.print(f"hash {gan.hash}")
    for line in _lines({"architecture": dict(gan.card.architecture), **gan.card.facts}):
        out.print(line)
    sides = ["generator", *(["discriminator"] if gan.discriminator is not None else [])]
    table = screen.plain_table("network", "layer", "kind", "shape")
    for side in sides:
        for layer in gan.layers(side):  # type: ignore[arg-type]
            table.add_row(side, layer.name, layer.kind, " x ".join(map(str, layer.shape)))
    out.print(table)


@checkpoints.command("fetch")
def fetch(
    spec: Annotated[
        str | None,
        typer.Argument(
            help="A public GAN's name, https://ADDRESS (with #sha256=HEX if you know it), or hf:OWNER/REPO/FILE. "
            "Without it: which names there are.",
            metavar="[WHAT]",
        ),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask for it anew, and take what is there now.")] = False,
    largest: Annotated[float, typer.Option(help="The largest file to accept, in GiB.", min=0)] = 4,
) -> None:
    """Bring a GAN from elsewhere into the cache; --gan then finds it by the same words."""
    from ganlab import fetching
    from ganlab.progressbar import shown_progress

    if spec is None:
        table = screen.plain_table("name", "summary", "licence", "source")
        for entry in fetching.entries().values():
            table.add_row(entry.name, entry.summary, entry.licence, entry.source)
        screen.plain_console().print(table)
        screen.say("ganlab checkpoints fetch NAME brings one here.")
        return
    with shown_progress():
        path = fetching.fetch(spec, again=again, largest=int(largest * 2**30))
    for line in _fetched_lines(path):
        screen.tell(line)
    screen.say(f"To use it: --gan {shlex.quote(spec.partition(fetching.HASH)[0])}")


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


def _fetched_lines(path: Path) -> list[str]:
    """Where it lies; each file's size and hash."""
    from ganlab.fetching.download import size_text
    from ganlab.fetching.places import digest

    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [str(path), *(f"{file.name}: {size_text(file.stat().st_size)}, sha256 {digest(file)}" for file in files)]


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")] if value else []
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines
