"""``ganlab checkpoints``: list GANs, look at one, fetch, convert, export."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from ganlab import screen
from ganlab.classes import listed
from ganlab.cli.hint_options import with_hints
from ganlab.errors import GanlabError
from ganlab.gan import Side
from ganlab.locations import names_a_place
from ganlab.shell import shell_word
from ganlab.wording import composed, quoted

if TYPE_CHECKING:
    from ganlab.gan import Gan

SPEC_HELP = "A name, a folder, a file, FORMAT:PATH, an address, or MODULE:FACTORY."

checkpoints = typer.Typer(
    help="GANs: list those with names, look at one, fetch, convert, export.",
    rich_markup_mode=None,
    add_completion=False,
    invoke_without_command=True,
)


@checkpoints.callback()
def checkpoints_default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_checkpoints()


@checkpoints.command("list")
def list_checkpoints() -> None:
    """GANs that --gan knows by name."""
    from ganlab.checkpoints import named_checkpoints, ships

    table = screen.plain_table("name", "where", "folder")
    for name, folder in named_checkpoints().items():
        table.add_row(name, "ships with ganlab" if ships(folder) else "saved here", str(folder))
    screen.plain_console().print(table)


@checkpoints.command("info")
@with_hints
def info(
    spec: Annotated[str, typer.Argument(help=SPEC_HELP, metavar="GAN")],
    *,
    hints: dict[str, Any] | None = None,
) -> None:
    """What a GAN is: its card, its layers, its hash; and how whatever its file left open was decided."""
    gan = _opened(spec, hints)
    out = screen.plain_console()
    out.print(gan.name, style="bold")
    if gan.card.summary:
        out.print(gan.card.summary)
    image = gan.image
    z = "no generator" if gan.generator is None else f"z {gan.prior.dim}, {gan.prior.law}"
    range_ = f"values from {image.low:g} to {image.high:g}"
    out.print(f"pictures {image.size}x{image.size}, {image.channels} channels, {range_}; {z}")
    if gan.classes is not None:
        out.print(f"classes {listed(gan.class_names)}: choose one with --label")
    out.print(f"hash {gan.hash}")
    facts = dict(gan.card.facts)
    decisions = facts.pop("decisions") if _are_decisions(facts.get("decisions")) else []
    facts.pop("notes", None)
    for note in gan.card.notes:
        out.print(f"note: {' '.join(note.split())}")
    if isinstance(source := facts.get("source"), dict):
        facts["source"] = {name: value for name, value in source.items() if name != "keys"}
    spelt_out = {name: value for name, value in gan.card.architecture.items() if not isinstance(value, list)}
    for line in _lines({"architecture": spelt_out, **facts}):
        out.print(line)
    sides = [side for side in get_args(Side) if getattr(gan, side) is not None]
    table = screen.plain_table("network", "layer", "kind", "shape")
    for side in sides:
        for layer in gan.layers(side):
            table.add_row(side, layer.name, layer.kind, " x ".join(map(str, layer.shape)))
    out.print(table)
    if decisions:
        _print_decisions(decisions)


def _are_decisions(said: Any) -> bool:
    """Whether a card's decisions are those that ganlab wrote, and not a person's own words."""
    needed = ("what", "chosen", "evidence")
    return isinstance(said, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(name), str) for name in needed) for one in said
    )


def _print_decisions(decisions: list[dict[str, Any]]) -> None:
    """What was worked out, on what evidence, the next best answer beside it; then what nothing decides."""
    table = screen.plain_table("worked out", "taken", "because", "next best")
    for one in decisions:
        taken = one["chosen"] if one.get("certain", True) else f"{one['chosen']} (?)"
        table.add_row(one["what"], taken, one["evidence"], str(one.get("runner_up", "")))
    out = screen.plain_console()
    out.print(table)
    if any(not one.get("certain", True) for one in decisions):
        out.print(
            "(?) The file leaves this open and the likeliest answer was taken; --activation, --output, --z, "
            "--upsampling, --eps, --image-size or a --card say otherwise (of a discriminator beside its generator, a "
            "card's [architecture] discriminator_activation). An error is the mean over a norm's channels of "
            "|log variance ratio| + |mean difference| / sd."
        )


@checkpoints.command("convert")
@partial(with_hints, without=("label",))  # a checkpoint draws all classes
def convert(
    spec: Annotated[str, typer.Argument(help=SPEC_HELP, metavar="GAN")],
    out: Annotated[
        str, typer.Option(help="A name, under which --gan finds it from then on, or a new folder.", metavar="NAME")
    ],
    bf16: Annotated[
        bool, typer.Option("--bf16", help="Store weights as bfloat16: half the size, pictures differ slightly.")
    ] = False,
    *,
    hints: dict[str, Any] | None = None,
) -> None:
    """Write a GAN of whatever format as ganlab's own checkpoint, once and for all."""
    import torch

    from ganlab.checkpoints import save_gan

    folder = _place(out)
    gan = _opened(spec, hints)
    gan = gan.renamed(folder.name, gan.card.summary)
    save_gan(gan, folder, dtype=torch.bfloat16 if bf16 else None)
    screen.tell(f"Wrote {folder}. To use it: --gan {shell_word(out)}")


@checkpoints.command("export")
def export(
    spec: Annotated[str, typer.Argument(help=SPEC_HELP, metavar="GAN")],
    like: Annotated[
        Path,
        typer.Option(
            help="The file it once came from: its keys and format are kept. Of a TensorFlow checkpoint its .index.",
            metavar="FILE",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The new file; files that belong to it are named alike.", metavar="FILE")],
) -> None:
    """Write an edited GAN back into the format of the file it came from, for the code that made it."""
    from ganlab.checkpoints.exporting import export_gan
    from ganlab.checkpoints.reopening import reopen
    from ganlab.progressbar import shown_progress

    gan = _opened(spec, None)
    exported = export_gan(gan, like, out)
    files = f" and its files ({len(exported.files)} in all)" if len(exported.files) > 1 else ""
    screen.tell(f"Wrote {out}{files}: {exported.changed} of its tensors differ from {like}.")
    for side in exported.left_out:
        screen.tell(f"The {side} was left out, as {like} does not hold it: give --like the file that it came from.")
    if exported.not_stored:
        screen.tell(
            f"Such a file does not hold the statistics of its norms ({exported.not_stored[0]}, ...): whoever opens it "
            "takes or estimates them anew, so that its pictures differ where maps before a norm have changed."
        )
    with shown_progress():
        reopened = reopen(gan, exported, out.parent)
    if reopened.words:
        screen.tell(reopened.words)


def _opened(spec: str, hints: dict[str, Any] | None) -> Gan:
    from ganlab.checkpoints import load_gan
    from ganlab.progressbar import shown_progress

    with shown_progress():
        return load_gan(spec, **(hints or {}))


def _place(out: str) -> Path:
    """A name's place among the saved GANs, or the folder itself; it must be free."""
    from ganlab.checkpoints import named_checkpoints, store_folder
    from ganlab.writing import check_new_folder, check_utf8

    if composed(out) in named_checkpoints():
        raise GanlabError(f"There is a GAN called {quoted(out)} already.", "Choose another --out.")
    check_utf8(out)
    folder = Path(out) if names_a_place(out) else store_folder() / out
    check_new_folder(folder)
    return folder


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
    screen.say(f"To use it: --gan {shell_word(spec.partition(fetching.HASH)[0])}")


def _fetched_lines(path: Path) -> list[str]:
    """Where it lies; each file's size and hash."""
    from ganlab.fetching.download import size_text
    from ganlab.fetching.places import digest

    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [str(path), *(f"{file.name}: {size_text(file.stat().st_size)}, sha256 {digest(file)}" for file in files)]


def _lines(facts: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")] if value else []
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines
