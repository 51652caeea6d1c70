"""What several test files share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from PIL import Image

    from ganlab.training.settings import TrainSettings


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def command(capsys: pytest.CaptureFixture[str], *words: object) -> Ended:
    """Run ``ganlab`` with these words, in this process."""
    from ganlab.cli import app as cli

    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return Ended(int(ended.value.code or 0), captured.out, captured.err)


@contextmanager
def read_or_refused() -> Iterator[None]:
    """What is damaged may be read all the same; where it is refused, one sentence and a hint say so."""
    from ganlab.errors import GanlabError

    told = None
    try:
        yield
    except GanlabError as error:
        told = error
    if told is not None:
        assert told.message.endswith((".", "?")), told.message
        assert "\n" not in told.message, told.message
        assert told.hint, told.message


def blank_plot(journal: object) -> Image.Image:
    """Instead of a run's plot, which takes as long as many tiny steps."""
    from PIL import Image

    return Image.new("RGB", (4, 4))


def ship_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies in this folder comes with ganlab."""
    for module in ("ganlab.checkpoints", "ganlab.checkpoints.names"):
        monkeypatch.setattr(f"{module}.shipped_folder", lambda: folder)


class Pictures:
    """Pictures as the training loop takes them: an array, or so many of smooth noise; perhaps with classes."""

    def __init__(
        self, pictures: np.ndarray | int, size: int = 16, channels: int = 3, labels: np.ndarray | None = None
    ) -> None:
        self.array = smooth_pictures(pictures, size, channels) if isinstance(pictures, int) else pictures
        self.labels = labels

    def __len__(self) -> int:
        return len(self.array)

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return self.array[indices]


def smooth_pictures(count: int, size: int = 16, channels: int = 3, seed: int = 0) -> np.ndarray:
    """(count, size, size, channels) uint8: coarse blocks of random brightness."""
    blocks = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, channels), dtype=np.uint8)
    return blocks.repeat(size // 4, axis=1).repeat(size // 4, axis=2)


def tiny_settings(data: str = "nowhere", **changes: Any) -> TrainSettings:
    """Settings of a run that takes a moment: 16 pixels, width 4, batches of 8."""
    from ganlab.architectures.dcgan import DcganSettings
    from ganlab.training.settings import TrainSettings

    return TrainSettings(data, **{"network": DcganSettings(16, 3, 4, 10), "batch": 8, "epochs": 2, **changes})


class Call(NamedTuple):
    """What a function was called with."""

    args: tuple[Any, ...]
    words: dict[str, Any]


def spied(monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> list[Call]:
    """The calls of a function from now on, which does what it did: what figures are given is told without looking."""
    calls: list[Call] = []
    function = getattr(place, name)

    def spy(*args: Any, **words: Any) -> Any:
        calls.append(Call(args, words))
        return function(*args, **words)

    monkeypatch.setattr(place, name, spy)
    return calls


def tree(folder: Path) -> set[str]:
    """The files below a folder, as paths relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
