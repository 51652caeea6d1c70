"""From what a person types after ``--gan`` to a GAN."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ganlab import fetching
from ganlab.checkpoints.names import named_checkpoints
from ganlab.errors import GanlabError, in_words
from ganlab.fetching import torchhub
from ganlab.formats import check_given, named, reading, recognising
from ganlab.locations import on_a_drive, runs_folder
from ganlab.recovery.hints import Hints
from ganlab.wording import composed, did_you_mean, few, option_name, quoted, suggest

if TYPE_CHECKING:
    from ganlab.checkpoints import CheckpointFormat
    from ganlab.gan import Gan
    from ganlab.recovery.stored import Stored, StoredNetwork

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")  # MODULE:FACTORY
MOST_RUNS = 5  # of a folder that are named
MOST_FILES = 20  # of a folder that are looked into


def open_gan(spec: str, hints: Hints) -> Gan:
    """The GAN of :func:`ganlab.load_gan`.

    Args:
        spec: a name, a folder, a file, ``FORMAT:PATH``, an address, ``hub:...`` or ``MODULE:FACTORY``;
            ``GENERATOR+DISCRIMINATOR`` joins two files, ``FILE#NAME`` chooses one of several generators in a file or
            folder.
        hints: what the user says of it.
    """
    from ganlab.recovery.cards import with_card

    hints = with_card(hints)
    named = named_checkpoints()
    place, which = _chosen(spec)
    beside: Path | None = None
    if (known := composed(place)) in named:
        opened = _read(named[known], place)
    elif _is_factory(place):
        from ganlab.checkpoints.factories import gan_of_factory

        opened, which = gan_of_factory(place, hints, which), None
    elif place.startswith(torchhub.PREFIX):
        from ganlab.checkpoints.factories import gan_of_hub

        opened = gan_of_hub(place, hints)
    else:
        found = {piece: _found(piece) for piece in _pieces(place)}
        opened = _joined({piece: _load(*found[piece], piece) for piece in found}, found, place)
        _, beside = next(iter(found.values()))
    gan = _finished(opened, place, hints, which)
    return gan if beside is None else _with_marks(gan, beside)


def _finished(opened: Gan | Stored, spec: str, hints: Hints, which: str | None) -> Gan:
    """The GAN, worked out where only weights were read, drawing the class that was asked for."""
    from ganlab.gan import Gan

    if isinstance(opened, Gan):
        if which is not None:
            raise GanlabError(
                f"{spec} is one GAN: there is no {which!r} to choose in it.", "Leave out the # and the name."
            )
        by_code = _is_factory(spec) or spec.startswith(torchhub.PREFIX)
        heard = ("label", "card", "trust", *(("z", "output", "image_size") if by_code else ()))
        of_weights = [option_name(name) for name in hints.given() if name not in heard]
        if of_weights:
            raise GanlabError(
                f"{spec} says all of itself: there is no place for {of_weights[0]}.",
                "That is for files of bare weights.",
            )
        gan = opened
    else:
        from ganlab.checkpoints.remembered import remembered
        from ganlab.recovery.recover import recover

        with in_words(spec, reader=_called(opened.format)):
            gan = remembered(opened, spec, hints, which, lambda: recover(opened, spec, hints, which))
    return gan if hints.label is None else gan.of_class(hints.label)


def _chosen(spec: str) -> tuple[str, str | None]:
    """``FILE#NAME`` -> file and name; a hash that belongs to an address stays with it."""
    place, mark, name = spec.rpartition("#")
    if not mark or name.startswith("sha256=") or Path(spec).exists():
        return spec, None
    return place, name


def _pieces(spec: str) -> list[str]:
    """``A+B`` -> both, unless there is a file of that name."""
    if "+" not in spec or Path(spec).exists() or fetching.knows(spec):
        return [spec]
    return [piece for piece in spec.split("+") if piece] or [spec]


def _is_factory(spec: str) -> bool:
    where = spec.partition("+")[0]
    if not FACTORY.fullmatch(where) or on_a_drive(where) or Path(spec).exists() or fetching.knows(spec):
        return False
    module, _, factory = where.partition(":")
    return module not in {known.name for known in _formats()} and not _names_a_file(module, factory)


def _names_a_file(prefix: str, rest: str) -> bool:
    """Whether a format was meant by a prefix that is none: code of its name, which may lie beside the file, must not
    run for a slip of the fingers."""
    if on_a_drive(f"{prefix}:{rest}"):
        return False
    path, like_a_path = Path(rest), any(mark in rest for mark in "./\\")
    slipped = bool(did_you_mean(prefix, [known.name for known in _formats()]))
    return (path.is_file() and (like_a_path or slipped)) or (path.is_dir() and slipped)


def _found(spec: str) -> tuple[CheckpointFormat | None, Path]:
    """The format that is named for one file or folder, and where that lies."""
    formats = {known.name: known for known in _formats()}
    prefix, colon, rest = spec.partition(":")
    if colon and prefix in formats:
        return formats[prefix], _located(rest, spec)
    if colon and _names_a_file(prefix, rest) and not Path(spec).exists() and not fetching.knows(spec):
        code = f"As MODULE:FACTORY code is called where nothing is named {rest}."
        hint = f"{suggest(prefix, formats, 'Formats')} {code} {_left_out()}".rstrip()
        raise GanlabError(f"There is no format {prefix!r}, as which to open {rest}.", hint)
    return None, _located(spec, spec)


def _load(known: CheckpointFormat | None, path: Path, spec: str) -> Gan | Stored:
    """One file or folder, in the format that is named or that recognises it."""
    return _read(path, spec) if known is None else loaded(known, path, spec)


def loaded(known: CheckpointFormat, path: Path, spec: str) -> Gan | Stored:
    """What a format reads from one file or folder.

    Raises:
        GanlabError: the format's own, or one that names the format where its reader fails, gives neither a GAN nor
            networks as stored, or (a plugin's) a GAN that does not run.
    """
    from ganlab.gan import Gan
    from ganlab.plugins import host
    from ganlab.recovery.stored import Stored

    with reading(known, spec):
        opened = known.load(path)
        check_given(known, spec, opened, Gan, Stored)
        if isinstance(opened, Gan) and host().bringer(known) is not None:
            _try_out(opened)
    return opened


def _try_out(gan: Gan) -> None:
    """Run each network on two pictures: what a plugin's network raises comes now, while it is known whose it is."""
    from ganlab.networks.layers import try_out

    if gan.generator is not None:
        try_out(gan, "generator")
    if gan.discriminator is not None:
        try_out(gan, "discriminator")


def _called(format: str) -> str:
    """The format of this name in words."""
    known = next((one for one in _formats() if one.name == format), None)
    return f"the format '{format}'" if known is None else named(known)


def _with_marks(gan: Gan, place: Path) -> Gan:
    from ganlab.checkpoints.beside import with_marks

    return with_marks(gan, place)


def _joined(
    opened: Mapping[str, Gan | Stored], found: Mapping[str, tuple[CheckpointFormat | None, Path]], spec: str
) -> Gan | Stored:
    """Networks of several files as if they lay in one, named after their files.

    Args:
        opened: by what was typed for each.
        found: where that lies, likewise.
        spec: all that was typed.
    """
    from ganlab.gan import Gan
    from ganlab.recovery.choosing import check_for_generator
    from ganlab.recovery.stored import Stored

    if len(opened) == 1:
        return next(iter(opened.values()))
    networks: list[StoredNetwork] = []
    files = [path.name for _, path in found.values()]
    for piece, one in opened.items():
        if isinstance(one, Gan):
            raise GanlabError(f"{spec}: {one.name} is a whole GAN already.", "Join files of bare weights with a plus.")
        path = found[piece][1]
        called = path.name if files.count(path.name) == 1 else piece
        networks += one.networks if path.is_dir() else _of_file(one, called)
    check_for_generator({piece: one.networks for piece, one in opened.items() if isinstance(one, Stored)})
    first = next(iter(opened.values()))
    assert isinstance(first, Stored)
    notes = tuple(dict.fromkeys(note for one in opened.values() if isinstance(one, Stored) for note in one.notes))
    return replace(first, networks=tuple(networks), notes=notes)


def _read(path: Path, spec: str) -> Gan | Stored:
    try:
        known = next(recognising(_formats(), path), None)
        if known is not None:
            return loaded(known, path, spec)
        if path.is_dir() and (found := _folder(path)) is not None:
            return found
    except OSError as error:
        raise GanlabError(
            f"{spec} cannot be read: {error.strerror}.", "Look at the permissions of its files."
        ) from error
    inside = _runs_in(path)
    if inside:
        raise GanlabError(f"{spec}: this folder holds checkpoints.", f"Name one: {few(map(str, inside), MOST_RUNS)}.")
    what = "folder holds no checkpoint" if path.is_dir() else "file is of no format known here"
    readable = "; ".join(f"{known.name}: {known.summary}" for known in _formats())
    raise GanlabError(f"{spec}: this {what}.", f"Formats: {readable}. {_left_out()}".rstrip())


def _folder(folder: Path) -> Stored | None:
    """The networks of all files of a folder, named after their files; None where none of them is a checkpoint."""
    from ganlab.checkpoints.safetensors import belongs_to_another
    from ganlab.recovery.stored import Stored

    networks, notes, first = [], [], None
    files = sorted(path for path in folder.iterdir() if path.is_file() and not belongs_to_another(path))
    for path in files[:MOST_FILES]:
        try:
            known = next(recognising(_formats(), path), None)
            found = None if known is None else loaded(known, path, path.name)
        except GanlabError as error:
            notes.append(f"{path.name} was left out: {error}")
            continue
        if isinstance(found, Stored):
            first = first or found
            notes += found.notes
            networks += _of_file(found, path.name)
    if first is None:
        if notes:
            raise GanlabError(
                f"{folder} holds no checkpoint that can be opened. {notes[0]}", "Look at its files one by one."
            )
        return None
    return replace(first, networks=tuple(networks), notes=tuple(dict.fromkeys(notes)))


def _of_file(stored: Stored, file: str) -> list[StoredNetwork]:
    """Its networks, named after the file."""
    return [replace(one, name=f"{file}.{one.name}".rstrip(".")) for one in stored.networks]


def _formats() -> list[CheckpointFormat]:
    from ganlab.plugins import host

    return list(host().checkpoint_formats())


def _left_out() -> str:
    from ganlab.plugins import host

    return host().left_out()


def _located(where: str, spec: str) -> Path:
    """Where a checkpoint lies on this machine, once it is fetched."""
    path = Path(where)
    if not path.exists() and fetching.knows(where):
        return fetching.fetch(where)
    if not path.exists():
        raise _no_path(path, spec) if path.name != where or path.suffix else _no_name(spec)
    return path


def _runs_in(folder: Path) -> list[Path]:
    """The checkpoints that ganlab wrote just below a folder, as below that of all runs of training."""
    from ganlab.checkpoints.native import recognises

    found: list[Path] = []
    with suppress(OSError):  # it is not there, or closed to us
        found = sorted(filter(recognises, folder.iterdir()))
    return found


def _no_name(spec: str) -> GanlabError:
    """What to raise for a name that nothing has."""
    runs = [run for run in _runs_in(runs_folder() / "train") if run.name == spec]
    if runs:
        return GanlabError(f"There is no checkpoint {quoted(spec)}.", f"The run is named by its folder: {runs[0]}.")
    if beside := _without_ending(spec):
        return GanlabError(f"There is no checkpoint {quoted(spec)}.", f"Did you mean {' or '.join(beside)}?")
    names = [*named_checkpoints(), *fetching.entries()]
    hint = suggest(spec, names, "Checkpoints known by name") if names else "Give a folder or a file."
    return GanlabError(f"There is no checkpoint {quoted(spec)}.", f"{hint} {_left_out()}".rstrip())


def _without_ending(name: str) -> list[str]:
    """The checkpoints in the current folder whose name is this one and an ending."""
    there: list[Path] = []
    with suppress(OSError):  # closed to us
        there = [one for one in Path().glob(f"{escape(name)}.*") if any(recognising(_formats(), one))]
    return sorted(one.name for one in there)


def _no_path(path: Path, spec: str) -> GanlabError:
    """What to raise for a path that leads nowhere: the last folder on it that is there, and what lies in that."""
    missing = path.absolute()
    while not missing.parent.exists():
        if missing.parent == missing:
            return GanlabError(
                f"There is no checkpoint {quoted(spec)}: {missing} is not there.", "Is the drive connected?"
            )
        missing = missing.parent
    there: list[str] = []
    with suppress(OSError):  # it is a file, or closed to us
        there = sorted(one.name for one in missing.parent.iterdir())
    hint = did_you_mean(missing.name, there) or "`ganlab checkpoints` lists those that have a name."
    return GanlabError(
        f"There is no checkpoint {quoted(spec)}: no {quoted(missing.name)} lies in {missing.parent}.", hint
    )
