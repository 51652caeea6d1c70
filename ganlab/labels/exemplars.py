"""Named groups of a GAN's pictures, chosen by eye: the exemplars of section 6.3.2 ("smiling_woman", "left", ...)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError
from ganlab.labels.pictures import PictureName, latents_of, picture_text, read_picture
from ganlab.labels.vocabulary import said_by, words_of
from ganlab.wording import composed, did_you_mean, few, near
from ganlab.writing import write_file

if TYPE_CHECKING:
    from ganlab.gan import Gan
    from ganlab.labels.labelers import Labeler
    from ganlab.latents import Latents

EXEMPLARS_FILE = "exemplars.json"  # in a checkpoint's folder: the groups that come with it
_CHECKPOINT = re.compile(r"[0-9a-f]{12}")
_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Exemplars:
    """Groups of pictures of one checkpoint, each picture named by seed and index.

    The file is JSON: ``{"checkpoint": "2d1f45b817f3", "groups": {"smiling_woman": ["0:12", "0:40"], ...}}``, where
    ``0:12`` is seed 0, index 12 (``0:12:3`` of class 3 of a conditional GAN).

    Attributes:
        checkpoint: the GAN's ``hash``.
        groups: name -> pictures, in the order in which they were chosen.
        source: the file they were read from.
    """

    checkpoint: str
    groups: Mapping[str, Sequence[PictureName]]
    source: str = ""

    def __post_init__(self) -> None:
        if not _CHECKPOINT.fullmatch(self.checkpoint):
            raise ValueError(f"{self.checkpoint!r} is no checkpoint's hash")
        for name, pictures in self.groups.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name: letters, digits and underscores, a letter first")
            if any(picture.checkpoint != self.checkpoint for picture in pictures):
                raise ValueError(f"the group {name!r} has pictures of another checkpoint")
            if len(set(pictures)) < len(pictures):
                raise ValueError(f"the group {name!r} names a picture twice")

    @classmethod
    def from_spec(cls, spec: str) -> Exemplars:
        """The groups in the file a person named; see :meth:`load`."""
        return cls.load(spec)

    @classmethod
    def load(cls, path: str | Path) -> Exemplars:
        """Read a file of groups.

        Raises:
            GanlabError: it cannot be read or is something else.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        except OSError as error:
            hint = "The page of `ganlab mark` saves NAME-exemplars.json into the browser's download folder."
            raise GanlabError(f"{path} cannot be read: {error.strerror}.", hint) from error
        except (ValueError, RecursionError) as error:
            raise _no_exemplars(path, "it is no JSON") from error
        try:
            return cls(*_read(document), str(path))
        except ValueError as error:
            raise _no_exemplars(path, str(error)) from error

    @classmethod
    def of_checkpoint(cls, gan: Gan) -> Exemplars | None:
        """The groups that come with a checkpoint: ``exemplars.json`` in its folder, or None.

        Raises:
            GanlabError: they belong to other weights.
        """
        file = None if gan.folder is None else gan.folder / EXEMPLARS_FILE
        return None if file is None or not file.is_file() else cls.load(file).check(gan)

    @classmethod
    def of(cls, gan: Gan, given: Exemplars | None) -> Exemplars:
        """Those that were given, else the checkpoint's own, else none at all: no group, but pictures can be typed.

        Raises:
            GanlabError: they were chosen on another checkpoint.
        """
        return given.check(gan) if given is not None else cls.of_checkpoint(gan) or cls(gan.hash, {})

    def save(self, path: str | Path) -> None:
        """Write the file that :meth:`load` reads.

        Raises:
            GanlabError: it cannot be written.
        """
        write_file(Path(path), self.to_json().encode())

    def to_json(self) -> str:
        """The file's content."""
        groups = {name: [picture_text(picture) for picture in pictures] for name, pictures in self.groups.items()}
        return json.dumps({"checkpoint": self.checkpoint, "groups": groups}, indent=1, ensure_ascii=False) + "\n"

    def check(self, gan: Gan) -> Exemplars:
        """These groups.

        Raises:
            GanlabError: they were chosen on another checkpoint.
        """
        if self.checkpoint != gan.hash:
            raise GanlabError(
                f"{self.source or 'The exemplars'} were chosen on the checkpoint {self.checkpoint}; "
                f"{gan.name!r} is {gan.hash}.",
                "Give --gan the checkpoint they were chosen on, or choose exemplars of this one: `ganlab mark`.",
            )
        return self

    def group(self, name: str) -> Sequence[PictureName]:
        """The pictures of a group, at least one.

        Raises:
            GanlabError: there is no such group, or it is empty.
        """
        name = composed(name)
        if name not in self.groups:
            raise self.unknown(name)
        if not self.groups[name]:
            raise GanlabError(f"The group {name!r} is empty.", "Choose pictures for it: `ganlab mark`.")
        return self.groups[name]

    def unknown(self, name: str, labeler: Labeler | None = None) -> GanlabError:
        """What to raise for a name that is no group here.

        Args:
            name: as a person typed it.
            labeler: who would choose pictures by the words of the name, and does not know all of them.
        """
        message = f"There are no exemplars called {name!r}"
        meant = list(self.groups)
        hint = f"Known groups: {few(self.groups)}."
        if not self.groups:
            hint = f"Choose some with `ganlab mark --gan GAN --group {name}` and give the file: --exemplars FILE."
        if labeler is not None:
            words = words_of(labeler)
            hint += f" The labeler {labeler.name!r} knows the words: {few(words)}."
            unread = said_by(labeler, name).unknown
            if unread:
                message += f", and the labeler {labeler.name!r} does not know the word {unread[0]!r}"
            parts = [[part] if part not in unread else near(part, words)[:1] for part in name.casefold().split("_")]
            if unread and all(parts):
                meant.append("_".join(part for (part,) in parts))
        return GanlabError(f"{message}.", f"{did_you_mean(name, meant)} {hint} Or type pictures: 0:12,0:40.".lstrip())

    def pictures(self, text: str) -> Sequence[PictureName]:
        """What a person typed: the name of a group, or pictures such as ``0:12,0:40``, none of them twice.

        Raises:
            GanlabError: neither; as :meth:`group`.
        """
        typed = [read_picture(part.strip(), self.checkpoint) for part in text.split(",")]
        if None in typed:
            if "," in text or ":" in text:
                wrong = text.split(",")[typed.index(None)].strip()
                raise GanlabError(f"{wrong!r} is no picture.", "Pictures are named seed:index, as in 0:12,0:40.")
            return self.group(text.strip())
        if len(set(typed)) < len(typed):
            raise GanlabError(f"{text!r} names a picture twice.", "Each picture counts once.")
        return [picture for picture in typed if picture is not None]

    def latents(self, gan: Gan, name: str) -> Latents:
        """The latents of a group's pictures, in their order.

        Raises:
            GanlabError: as :meth:`check` and :meth:`group`.
        """
        self.check(gan)
        return latents_of(gan, self.group(name))


def one_class(gan: Gan, latents: Sequence[Latents]) -> int | None:
    """The one class of all these latents and of the GAN: what points made of them are drawn with; None without classes.

    Raises:
        GanlabError: they are of several classes, or the class is missing or none of the GAN's.
    """
    given = [part.labels for part in latents]
    classes = {int(one) for labels in given if labels is not None for one in labels}
    if gan.label is not None and len(classes) == 1 and gan.label not in classes:
        (other,) = classes
        raise GanlabError(
            f"The pictures are of class {other}, and the GAN draws class {gan.label}.",
            f"Add --label {other}, or choose pictures of class {gan.label}.",
        )
    classes |= set() if gan.label is None else {gan.label}
    if len(classes) > 1:
        raise GanlabError(f"The pictures are of the classes {sorted(classes)}.", "Choose pictures of one class.")
    one = classes.pop() if classes else None
    gan.latents(1, label=one)  # refuses a class that does not fit
    if one is not None and any(labels is None for labels in given):
        raise GanlabError("Some pictures are named without their class.", f"Name them as seed:index:{one}.")
    return one


def _read(document: Any) -> tuple[str, dict[str, list[PictureName]]]:
    if not isinstance(document, dict) or not isinstance(document.get("checkpoint"), str):
        raise ValueError('it lacks "checkpoint"')
    groups = document.get("groups")
    if not isinstance(groups, dict) or not all(isinstance(pictures, list) for pictures in groups.values()):
        raise ValueError('its "groups" are no lists of pictures by name')
    named = {composed(name): pictures for name, pictures in groups.items()}
    if len(named) < len(groups):
        raise ValueError("two groups have one name")
    return document["checkpoint"], {
        name: [_read_strictly(text, document["checkpoint"]) for text in pictures] for name, pictures in named.items()
    }


def _read_strictly(text: Any, checkpoint: str) -> PictureName:
    picture = read_picture(text, checkpoint) if isinstance(text, str) else None
    if picture is None:
        raise ValueError(f"{text!r} is no picture; one is named seed:index, as 0:12")
    return picture


def _no_exemplars(path: str | Path, why: str) -> GanlabError:
    return GanlabError(
        f"{path} holds no exemplars: {why}.",
        'A file of them looks like {"checkpoint": "2d1f45b817f3", "groups": {"smiling_woman": ["0:12", "0:40"]}}.',
    )
