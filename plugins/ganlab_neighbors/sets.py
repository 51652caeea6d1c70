"""The training and the held-out pictures: who is in which set, read block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from ganlab import GanlabError, Images, ImageSpec, progress, shuffled

STREAM = {"split": 811, "left out": 812, "equal": 813, "copied": 814, "sample": 815}  # keeps draws apart
BLOCK = 1 << 25  # bytes of one block's pictures as float32
LARGEST_BLOCK = 2048
PICKED = 256  # pictures read at once, where few are wanted
FEWEST = 20  # pictures in either set of the test
LEFT_OUT = 5  # at most one in so many training pictures is left out for the control


class Role(IntEnum):
    """What a picture is for."""

    UNUSED = 0
    TRAINING = 1  # searched, but not part of the test: the sets of the test are equally large
    TESTED = 2  # a training picture of the test
    HELDOUT = 3
    LEFT_OUT = 4  # a training picture that plays a sample of an honest generator


@dataclass
class Source:
    """Pictures from one place, and what each is for.

    Attributes:
        images: the pictures.
        roles: (len(images),) int8 of :class:`Role`.
    """

    images: Images
    roles: np.ndarray

    def rows(self, *roles: Role) -> np.ndarray:
        return np.flatnonzero(np.isin(self.roles, roles))


@dataclass
class Sets:
    """All pictures of the investigation.

    Attributes:
        sources: DATA, and the held-out pictures where they come from elsewhere.
        image: size and channels that all are brought to.
        split: the held-out pictures are a part of DATA.
        skip_broken: leave out what cannot be read, and remember it in ``broken``.
        broken: messages of the pictures left out.
    """

    sources: list[Source]
    image: ImageSpec
    split: bool
    skip_broken: bool = False
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def training(self) -> Source:
        return self.sources[0]

    @property
    def heldout(self) -> Source:
        return self.sources[-1]

    def pick(self, source: Source, rows: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
        """The pictures (k, h, w, c) uint8 of these rows, and the rows (k,) that could be read."""
        picked = list(self._read(source, rows, PICKED, what))
        shape = (0, self.image.size, self.image.size, self.image.channels)
        pictures = [np.empty(shape, np.uint8), *(pictures for pictures, _ in picked)]
        return np.concatenate(pictures), np.concatenate([rows[:0], *(kept for _, kept in picked)])

    def blocks(self, source: Source, what: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All pictures of a source that are for something: (b, h, w, c) uint8 and their rows (b,), block by block.

        Left-out ones too, which are not searched: the GAN was trained on them, so that none may be held out.
        """
        step = max(16, min(LARGEST_BLOCK, BLOCK // (4 * self.image.channels * self.image.size**2)))
        used = source.roles != Role.UNUSED
        block = np.arange(len(used)) // step
        rows = np.flatnonzero(np.isin(block, block[used]))  # a block of which nothing is used is not read
        for pictures, read in self._read(source, rows, step, what):
            mine = used[read]
            if mine.any():
                yield pictures[mine], read[mine]

    def _read(
        self, source: Source, rows: np.ndarray, at_once: int, what: str
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pictures and their rows, so many at a time; those left out are remembered."""
        images, size, channels = source.images, self.image.size, self.image.channels
        batches = images.batches(rows, size, channels, at_once, skip_broken=self.skip_broken)
        for batch in progress(batches, what):
            self.broken |= {f"{images.spec}, {images.name(row)}": why.reason for row, why in batch.broken.items()}
            yield batch.pictures, batch.rows


def draw_sets(
    data: Images, heldout: Images | None, image: ImageSpec, n: int, seed: int, skip_broken: bool = False
) -> Sets:
    """Who is in which set, drawn at random.

    Args:
        data: the training pictures; half of them stand for held-out ones where there are no ``heldout``.
        n: training pictures to leave out for the control, fewer where there are few.
        seed: of all draws.

    Raises:
        GanlabError: too few pictures.
    """
    training = Source(data, np.full(len(data), Role.TRAINING, np.int8))
    other = training
    if heldout is None:
        order = shuffled(len(data), seed, STREAM["split"])
        training.roles[order[: len(data) // 2]] = Role.HELDOUT
    else:
        other = Source(heldout, np.full(len(heldout), Role.HELDOUT, np.int8))
    own, held = training.rows(Role.TRAINING), other.rows(Role.HELDOUT)
    out = shuffled(own, seed, STREAM["left out"])[: min(n, len(own) // LEFT_OUT)]
    training.roles[out] = Role.LEFT_OUT
    own = training.rows(Role.TRAINING)
    size = min(len(own), len(held))
    if size < FEWEST:
        wanted = f"at least {2 * FEWEST} of DATA and {FEWEST} held-out ones" if heldout else f"{4 * FEWEST} of DATA"
        raise GanlabError(
            f"Too few pictures: {len(data)} of DATA and {0 if heldout is None else len(heldout)} held-out ones.",
            f"Give {wanted}.",
        )
    training.roles[shuffled(own, seed, STREAM["equal"])[:size]] = Role.TESTED
    other.roles[shuffled(held, seed, STREAM["equal"])[size:]] = Role.UNUSED
    return Sets([training] if heldout is None else [training, other], image, heldout is None, skip_broken)


def draw_rows(rows: np.ndarray, count: int, seed: int, stream: str) -> np.ndarray:
    """Some of these rows at random, in ascending order."""
    return np.sort(shuffled(rows, seed, STREAM[stream])[:count])
