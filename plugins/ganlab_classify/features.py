"""Three descriptions of a picture (section 5.1), written to disk as they are computed.

The discriminator's: the feature maps of all hidden layers after their activation, each max-pooled to 4x4, flattened and
joined. The same of untrained networks, and the pixels, are the controls. All are standardised by the mean and the
deviation of some training pictures, so that one grid of C serves every layer and every description.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import groupby, islice
from tempfile import TemporaryFile, gettempdir

import numpy as np
import torch
from torch.nn import functional

from ganlab import Gan, GanlabError, Images, Twins, pooled_features, progress, suggest

PIXEL_SIDE = 32  # the pixels' own control is a picture of at most this side
SAMPLE = 2_000  # training pictures whose mean and deviation standardise the features
CLIP = 20.0  # deviations: what a rare feature does in a picture beyond the sample stays in float16's range
BATCH, LARGEST_CHUNK = 64, 256  # pictures at once
CHUNK_NUMBERS = 1 << 26  # activations of a chunk

Extract = Callable[[torch.Tensor], torch.Tensor]


class Pictures:
    """Pictures out of one or two sets, in a fixed order, as a GAN takes them.

    Args:
        gan: says size, channels and range.
        parts: sets and which rows of each.
    """

    def __init__(self, gan: Gan, parts: Sequence[tuple[Images, np.ndarray]]) -> None:
        self.image = gan.image
        self.places = [(images, int(row)) for images, rows in parts for row in rows]

    def __len__(self) -> int:
        return len(self.places)

    def read(self, which: Sequence[int] | np.ndarray) -> np.ndarray:
        """uint8 (n, size, size, channels)."""
        return np.concatenate(list(self.arrays(which, BATCH)))

    def batches(self, which: np.ndarray, size: int) -> Iterator[torch.Tensor]:
        """These pictures in the GAN's range, (n, c, h, w), so many at a time."""
        return map(self.image.from_uint8, self.arrays(which, size))

    def arrays(self, which: Sequence[int] | np.ndarray, size: int) -> Iterator[np.ndarray]:
        """These pictures, uint8 (n, size, size, channels), so many at a time, also of two sets.

        Raises:
            BrokenPicture: one does not decode.
        """
        pictures = self._one_by_one(which, size)
        while batch := list(islice(pictures, size)):
            yield np.stack(batch)

    def _one_by_one(self, which: Sequence[int] | np.ndarray, at_once: int) -> Iterator[np.ndarray]:
        for images, places in groupby((self.places[place] for place in which), key=lambda place: place[0]):
            rows = [row for _, row in places]
            for batch in images.batches(rows, self.image.size, self.image.channels, at_once):
                yield from batch.pictures


def layer_names(gan: Gan, asked: Sequence[str] | None) -> list[str]:
    """The discriminator's layers to take: those asked for, else all hidden ones.

    Raises:
        GanlabError: no discriminator, an unknown layer, or no hidden one.
    """
    known = [layer.name for layer in gan.layers("discriminator")]
    names = list(asked or (layer.name for layer in gan.feature_layers()))
    if not names:
        raise GanlabError(
            f"The discriminator of {gan.name!r} has no hidden layer that runs once a pass.",
            f"Name layers with --layers, such as {', '.join(known[:3])}.",
        )
    for name in names:
        if name not in known:
            raise GanlabError(f"The discriminator has no layer called {name!r}.", suggest(name, known))
    return names


def of_discriminator(gan: Gan, names: Sequence[str]) -> Extract:
    """Pictures (n, c, h, w) in the GAN's range -> pooled features (n, d) of these layers."""

    def extract(images: torch.Tensor) -> torch.Tensor:
        return torch.cat(pooled_features(gan, names, images), 1)

    return extract


def of_pixels(images: torch.Tensor) -> torch.Tensor:
    """The pixels (n, c * side * side), averaged down to at most 32x32."""
    return functional.adaptive_avg_pool2d(images, min(PIXEL_SIDE, images.shape[-1])).flatten(1)


def chunk_size(gan: Gan, names: Sequence[str]) -> int:
    """How many pictures to describe at once: whole batches of the GAN whose activations stay within bounds."""
    each = sum(int(np.prod(layer.shape)) for layer in gan.layers("discriminator") if layer.name in names)
    return max(BATCH, min(LARGEST_CHUNK, CHUNK_NUMBERS // each) // BATCH * BATCH)


class Described:
    """Every picture described in every way, in files of float16 that are read as they are needed.

    They lie below TMPDIR without names: whatever ends the process, they go with it.

    Args:
        pictures: n of them.
        extracts: description -> what computes it.
        sample: which pictures standardise the features.
        chunk: pictures at once.

    Attributes:
        widths: description -> how many numbers describe a picture.
        firsts: (n,) the first of the pictures that each one is, pixel by pixel.

    Raises:
        GanlabError: the disk is too small, a picture does not decode.
    """

    def __init__(self, pictures: Pictures, extracts: Mapping[str, Extract], sample: np.ndarray, chunk: int) -> None:
        self._pictures, self._extracts, self._chunk = pictures, extracts, chunk
        self._scales = {name: _scale(extract, pictures.batches(sample, chunk)) for name, extract in extracts.items()}
        self.widths = {name: len(mean) for name, (mean, _) in self._scales.items()}
        self.firsts = np.arange(len(pictures))
        needed = 2 * len(pictures) * sum(self.widths.values())
        try:
            if shutil.disk_usage(gettempdir()).free < needed:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with ExitStack() as opened:
                self._files = {name: opened.enter_context(TemporaryFile()) for name in extracts}
                self._write()
                self._opened = opened.pop_all()
        except OSError as error:
            raise GanlabError(
                f"The features take {needed / 1e9:.1f} GB, which {gettempdir()} cannot hold: {error.strerror}.",
                "Let TMPDIR name a folder with more room, or use fewer pictures with --per-class.",
            ) from error

    def features(self, name: str) -> np.ndarray:
        """One description of all pictures (n, d) float16, mapped from disk."""
        return np.memmap(self._files[name], np.float16, "r", shape=(len(self._pictures), self.widths[name]))

    def close(self) -> None:
        """Give the room on the disk back, once no features are used any more."""
        self._opened.close()

    def _write(self) -> None:
        every, twins = range(len(self._pictures)), Twins()
        chunks = progress(every[:: self._chunk], "describing pictures")
        for begin, seen in zip(chunks, self._pictures.arrays(every, self._chunk), strict=True):
            places = np.arange(begin, begin + len(seen))
            self.firsts[places] = twins.remember(seen, places)
            images = self._pictures.image.from_uint8(seen)
            for name, extract in self._extracts.items():
                mean, deviation = self._scales[name]
                scaled = ((extract(images) - mean) / deviation).clamp_(-CLIP, CLIP)
                if not bool(torch.isfinite(scaled).all()):
                    raise GanlabError(
                        f"The features of the {name} are no numbers: its activations overflow.",
                        "Check the weights, or take other --layers.",
                    )
                self._files[name].write(scaled.half().numpy().tobytes())
        for file in self._files.values():
            file.flush()


def _scale(extract: Extract, batches: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation (d,) of the features of these pictures; 1 for what is the same in all."""
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for images in batches:
        found = extract(images).double()
        count, total, squares = count + len(found), total + found.sum(0), squares + (found * found).sum(0)
    mean = total / count
    deviation = (squares / count - mean * mean).clamp(min=0).sqrt()
    deviation[deviation < 1e-6 * mean.abs() + 1e-12] = 1
    return mean.float(), deviation.float()
