"""Networks that see what pictures show: the judges that investigations count with."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError
from ganlab.labels.concepts import concept_name
from ganlab.wording import suggest

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ganlab.gan import Gan
    from ganlab.imagespec import ImageSpec


COUNTED_AT = 64  # pixels across the picture that a card's ``min_pixels`` are of
# method -> what it answers: numpy's kinds of numbers, in words, of each of what, and whether for each pixel
ANSWERS = {
    "masks": ("b", "bool", "concepts", True),
    "count_pixels": ("iu", "whole numbers", "concepts", False),
    "shows": ("b", "bool", "concepts", False),
    "measure": ("f", "floats", "measures", False),
}


class Labeler:
    """Something that sees concepts in pictures, valid for one kind of pictures.

    A labeler marks pixels (:meth:`masks`) or, where a concept has no place of its own such as a smile, tells what
    whole pictures show (:meth:`shows`); it may measure as well (:meth:`measure`). Who asks for both asks at once
    (:meth:`shows_and_measure`).

    Attributes:
        name: as in ``--labeler NAME``.
        concepts: what it knows, by canonical name.
        measures: what it measures on a scale, such as a turn; mostly nothing.
        domain: which pictures it can be trusted on, in words.
        card: how it was validated; where the labeler marks pixels, ``card["min_pixels"]`` says for each concept from
            how many pixels of a 64x64 picture on one shows it: of a picture of another size, the same share of its
            pixels; ``card["words"]`` says what the words in a group's name mean (:mod:`ganlab.labels.vocabulary`);
            ``card["trust"]``, where there is one, stands in the notes of every result that is given this labeler.
    """

    name: str
    concepts: tuple[str, ...]
    measures: tuple[str, ...] = ()
    domain: str
    card: Mapping[str, Any] = MappingProxyType({})

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if cls.masks is Labeler.masks and cls.shows is Labeler.shows:
            raise TypeError(f"the labeler {cls.__name__} must define masks() or shows()")
        for name in (*ANSWERS, "shows_and_measure"):
            if inspect.isfunction(method := vars(cls).get(name)):
                setattr(cls, name, _held(name, method))

    @property
    def marks_pixels(self) -> bool:
        """Whether it has :meth:`masks`."""
        return type(self).masks is not Labeler.masks

    def faults(self) -> str:
        """What keeps it from working, in words; empty where nothing does."""
        for name, kind, what in (
            ("concepts", tuple, "a tuple of names"),
            ("measures", tuple, "a tuple of names"),
            ("domain", str, "words: which pictures it can be trusted on"),
            ("card", Mapping, "a mapping"),
        ):
            if not isinstance(getattr(self, name, None), kind):
                return f"its {name} must be {what}"
        for concept in self.concepts:
            if not isinstance(concept, str) or not concept.strip():
                return f"{concept!r} is no name of a concept"
            if concept_name(concept) != concept:
                return f"it knows {concept!r}, which nobody could ask for: the concept is {concept_name(concept)!r}"
        if type(self).shows is Labeler.shows:
            counts = self.card.get("min_pixels")
            counts = counts if isinstance(counts, Mapping) else {}
            uncounted = [one for one in self.concepts if one not in counts]
            if uncounted:
                return f'its card["min_pixels"] does not say from how many pixels on a picture shows {uncounted[0]!r}'
        return ""

    @property
    def cautions(self) -> list[str]:
        """What a reader of its numbers has to know, for the notes of a result: its card's ``trust``, or nothing."""
        trust = self.card.get("trust")
        return [] if trust is None else [f"How far to trust the labeler {self.name!r}: {trust}"]

    def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """Which pixels belong to each concept.

        Args:
            images: (n, c, h, w) in ``image``'s range.

        Returns:
            bool (n, len(concepts), h, w).

        Raises:
            GanlabError: it labels whole pictures.
        """
        raise GanlabError(
            f"The labeler {self.name!r} labels whole pictures, not pixels.",
            "Name a labeler that marks pixels, or draw boxes.",
        )

    def count_pixels(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """How many pixels of each picture belong to each concept: those of :meth:`masks`.

        A labeler that can count without all masks in memory at once may say so in a way of its own.

        Args:
            images: (n, c, h, w) in ``image``'s range.

        Returns:
            int64 (n, len(concepts)), from 0 to h * w.

        Raises:
            GanlabError: it labels whole pictures.
        """
        return self.masks(images, image).sum(axis=(2, 3))

    def shows(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """Which pictures show each concept.

        Unless a labeler says otherwise, those with as large a share of a concept's pixels as ``card["min_pixels"]`` are
        of 64x64, so that the answer does not hang on how large a GAN draws.

        Args:
            images: (n, c, h, w) in ``image``'s range.

        Returns:
            bool (n, len(concepts)).
        """
        import numpy as np

        needed = np.array([self.card["min_pixels"][concept] for concept in self.concepts])
        # compared as products: a quotient would round
        return self.count_pixels(images, image) * COUNTED_AT**2 >= needed * images.shape[2] * images.shape[3]

    def measure(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        """What it measures on each picture.

        Returns:
            float32 (n, len(measures)).

        Raises:
            GanlabError: it measures nothing.
        """
        raise GanlabError(
            f"The labeler {self.name!r} measures nothing.",
            f"It tells whether a picture shows: {', '.join(self.concepts)}.",
        )

    def shows_and_measure(self, images: torch.Tensor, image: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
        """What :meth:`shows` and :meth:`measure` say of each picture.

        A labeler that finds both in one look may say so in a way of its own.

        Args:
            images: (n, c, h, w) in ``image``'s range.

        Returns:
            bool (n, len(concepts)), and float32 (n, len(measures)), also where it measures nothing.
        """
        import numpy as np

        shows = self.shows(images, image)
        return shows, self.measure(images, image) if self.measures else np.empty((len(images), 0), np.float32)

    def column(self, concept: str) -> int:
        """Which of ``concepts`` this is, singular or plural.

        Raises:
            GanlabError: the labeler does not know it.
        """
        name = concept_name(concept)
        if name not in self.concepts:
            hint = suggest(name, self.concepts, "It knows")
            raise GanlabError(f"The labeler {self.name!r} does not know {name!r}.", hint)
        return self.concepts.index(name)

    @classmethod
    def of_checkpoint(cls, gan: Gan) -> Labeler | None:
        """The labeler that a checkpoint's card names, or None.

        Raises:
            GanlabError: no plugin brings it.
        """
        name = gan.card.facts.get("labeler")
        return None if name is None else Labeler.from_spec(name)

    @classmethod
    def from_spec(cls, spec: str) -> Labeler:
        """The labeler of this name, from whichever plugin brings it.

        Raises:
            GanlabError: there is none.
        """
        from ganlab.plugins import host  # late: plugins know labelers, so labelers cannot know plugins

        known = host()
        labelers = known.labelers()
        if spec in labelers:
            return labelers[spec]
        none = "No plugin brings one; see `ganlab plugins`."
        hint = suggest(spec, sorted(labelers), "Labelers") if labelers else none
        raise GanlabError(f"There is no labeler {spec!r}.", f"{hint} {known.left_out()}".rstrip())


class BrokenPromise(GanlabError):
    """A labeler answers otherwise than its methods say."""


def _held(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """A labeler's method whose answers are held to their promise, whoever asks."""

    @functools.wraps(method)
    def asked(self: Labeler, images: torch.Tensor, image: ImageSpec) -> Any:
        answer = method(self, images, image)
        if name in ANSWERS:
            _hold(self, name, answer, images)
        elif isinstance(answer, tuple) and len(answer) == 2:
            _hold(self, "shows", answer[0], images)
            _hold(self, "measure", answer[1], images)
        else:
            raise _broken(self, f"{name}() is to return two arrays, and returned {_shape_of(answer)}")
        return answer

    return asked


def _hold(labeler: Labeler, method: str, answer: Any, images: torch.Tensor) -> None:
    """Refuse what is no array, or of another kind or shape: it would be counted all the same, and wrongly."""
    import numpy as np

    kinds, words, names, pixels = ANSWERS[method]
    shape = (len(images), len(getattr(labeler, names)), *(images.shape[2:] if pixels else ()))
    if not (isinstance(answer, np.ndarray) and answer.dtype.kind in kinds and answer.shape == shape):
        raise _broken(labeler, f"{method}() is to return {words} {shape}, and returned {_shape_of(answer)}")


def _shape_of(answer: Any) -> str:
    shape = getattr(answer, "shape", None)
    return type(answer).__name__ if shape is None else f"{answer.dtype} {tuple(shape)}"


def _broken(labeler: Labeler, how: str) -> BrokenPromise:
    return BrokenPromise(
        f"The labeler {labeler.name!r} breaks its promise: {how}.",
        "Mend it or tell its author; --labeler names another.",
    )
