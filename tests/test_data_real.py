"""Real pictures, where they are at hand."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from ganlab.data import open_images
from ganlab.data.packing import pack


def test_mnist(shared_data: Path, tmp_path: Path) -> None:
    images = open_images(str(shared_data / "mnist" / "mnist.npz"))
    assert len(images) == 60_000
    packed = pack(images.first(300), 32, 1, cache=tmp_path)
    assert packed.array.shape == (300, 32, 32, 1)
    assert 10 < packed.array.mean() < 60  # strokes on black
    assert len(open_images(f"{shared_data / 'mnist' / 'mnist.npz'}:x_test")) == 10_000


@pytest.mark.parametrize(("name", "side"), [("rooms-64", 64), ("cifar10-jpg", 32), ("celeba-15k-64", 64)])
def test_photographs(shared_data: Path, tmp_path: Path, name: str, side: int) -> None:
    with tarfile.open(shared_data / f"{name}.tar.xz") as archive:
        for _ in range(200):
            member = archive.next()
            assert member is not None
            archive.extract(member, tmp_path / "set", filter="data")
    images = open_images(str(tmp_path / "set"))
    assert len(images) > 100
    packed = pack(images, side, 3, cache=tmp_path / "cache")
    assert packed.broken == []
    assert all((packed.array[i] == np.asarray(images.picture(i).convert("RGB"))).all() for i in range(0, 100, 9))
