"""Pictures held by a device, or read one batch ahead, train the same networks as those read when they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab.architectures.dcgan import DcganSettings
from ganlab.imagespec import ImageSpec
from ganlab.training import loop
from ganlab.training.feeding import Held, batches, brought, one_ahead
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings


def weights(folder: Path) -> bytes:
    return (folder / "epochs/0002/weights.safetensors").read_bytes()


@pytest.mark.parametrize("labelled", [False, True])
def test_held_pictures_train_the_same_weights(tmp_path: Path, labelled: bool) -> None:
    pictures = Pictures(24, labels=np.arange(24) % 2 if labelled else None)
    network = DcganSettings(16, 3, 4, 10, classes=2 if labelled else 0)
    told: dict[str, Any] = {"classes": ("a", "b"), "class_counts": (12, 12)} if labelled else {}
    settings = tiny_settings(epochs=2, flip=True, network=network, **told)
    loop.train(pictures, tmp_path / "read", Trainer(settings, "cpu"))
    loop.train(Held(pictures, "cpu"), tmp_path / "held", Trainer(settings, "cpu"))
    assert weights(tmp_path / "held") == weights(tmp_path / "read")


def test_held_pictures_are_brought_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganlab.training.feeding.CHUNK", 16 * 16 * 3 * 5)
    pictures = Pictures(24)
    held, rows = Held(pictures, "cpu"), np.array([23, 0, 7, 7])
    assert len(held) == 24
    assert np.array_equal(held.batch(rows).numpy(), pictures.batch(rows))


def test_a_cpu_holds_and_reads_nothing_beforehand() -> None:
    pictures = Pictures(24)
    assert brought(pictures, "cpu") is pictures
    asked: list[int] = []
    rows = (asked.append(number) or np.array([number]) for number in range(3))  # type: ignore[func-returns-value]
    for number, batch in enumerate(batches(pictures, rows, "cpu")):
        assert np.array_equal(batch, pictures.batch(np.array([number])))
        assert asked == list(range(number + 1))


def test_one_ahead_keeps_the_order_reads_one_more_and_raises() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(4):
            taken.append(number)
            yield number

    found = []
    for result in one_ahead(lambda number: number * 10, items()):
        found.append(result)
        assert len(taken) == min(len(found) + 1, 4)
    assert found == [0, 10, 20, 30]
    assert list(one_ahead(str, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(one_ahead(lambda number: 1 // number, [1, 0]))


def test_pictures_on_a_device_come_into_range_as_others_do() -> None:
    spec, pictures = ImageSpec(16, 3, 0, 1), Pictures(5).batch(np.arange(5))
    assert torch.equal(spec.from_uint8(torch.from_numpy(pictures)), spec.from_uint8(pictures))
