"""Small pictures for the tests of `ganlab.data`, and how sets of them are compared and refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganlab.data import Images, decoding, open_images
from ganlab.errors import GanlabError


def pixels(index: int, height: int = 20, width: int = 28) -> np.ndarray:
    """uint8 (height, width, 3), another one for each index."""
    return np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(array: np.ndarray, format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format)
    return stream.getvalue()


def make_folder(folder: Path, count: int = 6) -> Path:
    """Pictures in two folders, with things beside them that are none."""
    for index in range(count):
        place = folder / ("a" if index < count // 2 else "b/c")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index:03}.png").write_bytes(encoded(pixels(index)))
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "x.png").write_bytes(encoded(pixels(99)))
    (folder / "a" / ".000.png").write_bytes(b"left by an editor")
    (folder / "readme.txt").write_text("about these pictures")
    return folder


def make_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def broken_png(index: int = 0) -> bytes:
    """A picture that ends in its middle."""
    whole = encoded(pixels(index))
    return whole[: len(whole) // 2]


def bomb_png(side: int) -> bytes:
    """A PNG of `side` x `side` black pixels in 1 bit each: small on disk, large in memory."""
    stream = io.BytesIO()
    Image.new("1", (side, side)).save(stream, "PNG")
    return stream.getvalue()


def refused(spec: object, message: str, hint: str = "") -> None:
    with pytest.raises(GanlabError) as caught:
        open_images(str(spec))
    assert message in caught.value.message
    assert caught.value.message.endswith((".", "?"))
    assert hint in caught.value.hint
    assert caught.value.hint


def same(first: Images, second: Images, size: int = 16, channels: int = 3) -> bool:
    return len(first) == len(second) and all(
        (first.array(i, size, channels) == second.array(i, size, channels)).all() for i in range(len(first))
    )


def answers_of_children(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Grows by one whenever children are asked to decode: whether they answered."""
    answered: list[bool] = []
    ask = decoding.Decoders.ask

    def counted(self: decoding.Decoders, *arguments: object) -> object:
        answer = ask(self, *arguments)  # type: ignore[arg-type]
        answered.append(answer is not None)
        return answer

    monkeypatch.setattr(decoding.Decoders, "ask", counted)
    return answered
