"""The two ends of a turn: pictures that people chose, and words that the labeler knows."""

from __future__ import annotations

from dataclasses import dataclass

from ganlab import Exemplars, Gan, GanlabError, Latents, latents_of, one_class, said_by, words_of

from .judging import Judge, followed


@dataclass(frozen=True)
class Ends:
    """What a person typed for both ends.

    Attributes:
        judge: None where no labeler knows the GAN's pictures.
        names: of the first and the second end: a group, pictures as ``0:12,0:40``, or words of the labeler.
        by: the attribute to follow; where it is given, the labeler chooses exemplars in place of named groups.
    """

    gan: Gan
    groups: Exemplars
    judge: Judge | None
    names: tuple[str, str]
    by: str | None

    def check(self) -> None:
        """Refuse what is neither pictures nor a group nor made of the labeler's words alone, before anything is drawn.

        Raises:
            GanlabError: the first of them, with the names there are.
        """
        for name in self.names:
            if ":" in name:
                self.groups.pictures(name)
            elif name not in self.groups.groups and not self._is_said(name):
                raise self._unknown(name)

    def exemplars(self) -> tuple[Latents, Latents] | None:
        """Those that people chose for both ends; None where either is no group (or gave way to ``by``) nor typed.

        Raises:
            GanlabError: they are the same.
        """
        if all(":" in name or (self.by is None and name in self.groups.groups) for name in self.names):
            return self._latents()
        return None

    def aim(self) -> tuple[int, int] | None:
        """The column of the attribute that the turn changes, and +1 where it rises towards the second end, else -1.

        The words of the names say so. Where they do not and ``by`` names the attribute, the labeler compares what
        people chose for the ends. None where nothing names an attribute.

        Raises:
            GanlabError: it cannot be said where the attribute that ``by`` names is larger; as :func:`followed` and
                :func:`ganlab.one_class`.
        """
        if self.judge is None:
            return None
        found = followed(self.judge, *self.names, self.by)
        if found is None or found[1]:
            return found
        column, _ = found
        if all(self._has_pictures(name) for name in self.names):
            latents = self._latents()
            one_class(self.gan, latents)
            first, second = (self.judge.of_latents(self.gan, part)[:, column].mean() for part in latents)
            if first != second:
                return column, 1 if second > first else -1
        attribute = self.judge.attributes[column]
        saying = [word for word, said in words_of(self.judge.labeler).items() if attribute in said]
        raise GanlabError(
            f"Neither words nor pictures of {self.names[0]!r} and {self.names[1]!r} say at which end {attribute!r} is "
            "larger.",
            f"Words that say it: {', '.join(saying) or 'none'}. Or give groups or pictures that differ in it.",
        )

    def nothing_to_go_by(self) -> GanlabError:
        """There are not exemplars for both ends, and no attribute that the labeler could choose them by."""
        missing = next(name for name in self.names if not self._has_pictures(name))
        error = self._unknown(missing)
        if self.judge is not None:
            error.hint += f" Or let the labeler choose: --by with one of {', '.join(self.judge.attributes)}."
        return error

    def why_unmeasured(self) -> str:
        """For a turn that nobody measures."""
        if self.judge is None:
            return (
                "What turns is not measured: no labeler knows this GAN's pictures. "
                "Name one made for such pictures: --labeler NAME (docs/plugins.md says how to write one)."
            )
        return (
            f"What turns is not measured: the words {self.names[0]!r} and {self.names[1]!r} name no attribute of the "
            f"labeler {self.judge.labeler.name!r}. Name one: --by {'|'.join(self.judge.attributes)}."
        )

    def _has_pictures(self, name: str) -> bool:
        return ":" in name or name in self.groups.groups

    def _latents(self) -> tuple[Latents, Latents]:
        first, second = (self.groups.pictures(name) for name in self.names)
        if set(first) == set(second):
            raise GanlabError(
                f"{self.names[0]!r} and {self.names[1]!r} are the same pictures: no direction leads from one to the "
                "other.",
                "Give each end pictures of its own.",
            )
        return latents_of(self.gan, first), latents_of(self.gan, second)

    def _is_said(self, name: str) -> bool:
        """Whether the labeler knows what every word of the name says."""
        if self.judge is None:
            return False
        said = said_by(self.judge.labeler, name)
        return bool(said.attributes) and not said.unknown

    def _unknown(self, name: str) -> GanlabError:
        return self.groups.unknown(name, None if self.judge is None else self.judge.labeler)
