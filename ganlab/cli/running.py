"""Run an analysis for a person at a terminal: find the GAN, run, save, show."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab import screen
from ganlab.analyses import Analysis
from ganlab.cli.commands import command_line
from ganlab.errors import GanlabError
from ganlab.gan import Gan
from ganlab.progressbar import shown_progress
from ganlab.shell import shell_line, shell_word

if TYPE_CHECKING:
    from ganlab.results import Result

FIRST_CHOICE = "rooms-64"  # the shipped GAN to take unless an analysis shows best on another


def run_analysis(
    analysis: Analysis,
    words: tuple[str, ...],
    values: Mapping[str, Any],
    *,
    out: Path | None = None,
    as_json: bool = False,
    device: str = "auto",
    plugin_files: Sequence[Path] = (),
    hints: Mapping[str, Any] | None = None,
) -> None:
    """Run, save and show.

    Args:
        analysis: what to run.
        words: its command, without ``ganlab``.
        values: options as typed, by the names of the function's parameters.
        out: the folder for the run, or None for the next free one.
        as_json: print result.json and nothing else on standard output.
        device: where GANs run, "auto" for the best there is.
        hints: what the user says of the GANs' files, by the names of :class:`ganlab.Hints`.
        plugin_files: the loose files that were named, for the command that reproduces the run.

    Raises:
        GanlabError: whatever the user can mend.
    """
    from ganlab.networks.devices import device_and_model
    from ganlab.runs.environment import environment
    from ganlab.runs.folders import new_run_folder, save_result
    from ganlab.writing import check_new_folder

    if out is not None:
        check_new_folder(out)
    values = dict(values)
    if analysis.takes_gan and values.get("gan") is None:
        values["gan"] = find_gan(analysis)
    typed = command_line(analysis, words, values, hints, device)
    typed[1:1] = [word for file in plugin_files for word in ("--plugin", str(file))]
    opened = open_gans(analysis, values, device, hints)
    folder = out or new_run_folder("-".join(words), _subject(analysis, opened))
    check_new_folder(folder)
    began = time.monotonic()
    with screen.for_the_result(), shown_progress():
        result = _run(analysis, opened)
    where = {device_and_model(gan.device) for gan in opened.values() if isinstance(gan, Gan)}
    facts = environment(device=", ".join(sorted(where)), seconds=time.monotonic() - began)
    folder = save_result(result, folder, command=shell_line(typed), environment=facts, renumber=out is None)
    if as_json:
        screen.print_json(result)
        screen.say(f"Page: {folder / 'index.html'}")
    else:
        screen.show_result(result, folder)
    publish_gans(result, folder)


def _run(analysis: Analysis, options: Mapping[str, Any]) -> Result:
    """Run it; that it ends the process instead is a crash, which would look like success if it passed."""
    try:
        return analysis(**options)
    except SystemExit as error:
        raise RuntimeError(f"the analysis {analysis.name!r} ended the process (sys.exit({error.code!r}))") from error


def publish_gans(result: Result, folder: Path) -> None:
    """Give the GANs of a result the names under which ``--gan`` finds them."""
    from ganlab.checkpoints import named_checkpoints, save_gan, store_folder

    for name, gan in result.gans.items():
        if name in named_checkpoints():
            screen.say(
                f"There is a GAN called {name!r} already; this one is --gan {shell_word(folder / 'gans' / name)}"
            )
        else:
            save_gan(gan, store_folder() / name)
            screen.say(f"GAN saved: --gan {shell_word(name)}")


def find_gan(analysis: Analysis | None = None) -> str:
    """The GAN to take where the user named none; says on standard error which.

    Args:
        analysis: whose ``default_gan`` to prefer.

    Raises:
        GanlabError: none is set and none ships.
    """
    spec = os.environ.get("GANLAB_GAN", "")
    if spec:
        screen.say(f"GAN: {spec}, from GANLAB_GAN")
        return spec
    from ganlab.checkpoints import shipped_gans

    shipped = shipped_gans()
    if not shipped:
        raise GanlabError("No GAN was named, and none comes with this ganlab.", "Name one: --gan FOLDER")
    wanted = analysis.default_gan if analysis is not None else None
    spec = next((name for name in (wanted, FIRST_CHOICE) if name in shipped), shipped[0])
    instead = "" if wanted in (None, spec) else f", as no {wanted!r} does, which this analysis is for"
    screen.say(f"GAN: {spec}, which comes with ganlab{instead} (choose another with --gan)")
    return spec


def open_gans(
    analysis: Analysis, values: Mapping[str, Any], device: str, hints: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The values with every GAN opened, on the device; what its loading noted is said on standard error."""
    opened = dict(values)
    holders = [
        parameter for parameter in analysis.parameters if parameter.holds_gan and values[parameter.name] is not None
    ]
    for parameter in holders:
        value = values[parameter.name]
        specs = value if parameter.many else [value]
        gans = [open_on(spec, device, hints) for spec in specs]
        opened[parameter.name] = gans if parameter.many else gans[0]
    return opened


def open_on(spec: str, device: str, hints: Mapping[str, Any] | None = None) -> Gan:
    """A GAN on a device, "auto" for the best there is; what its loading noted is said on standard error."""
    from ganlab.checkpoints import load_gan
    from ganlab.networks.devices import choose_device

    place = choose_device(device)
    gan = load_gan(spec, **(hints or {}))
    say_notes(gan)
    return gan if gan.device == place else gan.to(place)


def say_notes(gan: Gan) -> None:
    """Tell the user what was worked out, noticed or guessed while a checkpoint was read."""
    for note in gan.card.notes:
        screen.say(f"{gan.name}: {note}")


def _subject(analysis: Analysis, values: Mapping[str, Any]) -> str:
    """What the run is about, for its folder's name: the GAN, or the first thing given."""
    for parameter in analysis.parameters:
        value = values.get(parameter.name)
        if isinstance(value, Gan):
            return value.name
        if parameter.required and isinstance(value, str):
            return Path(value).stem
    return "run"
