"""Boxes on pictures of one class of a conditional GAN are probed as that class, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import Boxes, Gan, GanlabError, ImageSpec, Labeler, PictureName, Result
from ganlab.labels.marks import Box
from ganlab.testing import tiny_gan
from ganlab_probe import probe

pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES, PICTURES = 4, 8  # pictures of each class that was marked


@pytest.fixture(name="gan", scope="module")
def conditional() -> Gan:
    return tiny_gan(classes=CLASSES)


class Half(Labeler):
    """Sees a lamp in the upper left quarter of every picture."""

    name, concepts, domain = "half", ("lamp",), "anything"
    card = MappingProxyType({"min_pixels": {"lamp": 1}})

    def masks(self, images: torch.Tensor, image: ImageSpec) -> np.ndarray:
        found = np.zeros((len(images), 1, image.size, image.size), bool)
        found[:, :, : image.size // 2, : image.size // 2] = True
        return found


def boxes(gan: Gan, of: Sequence[int | None], empty: Sequence[int] = ()) -> Boxes:
    """The same lamp on pictures of these classes, and none on those of others."""
    looked = [PictureName(gan.hash, 0, index, label) for label in (*of, *empty) for index in range(PICTURES)]
    size = gan.image.size
    marked = [Box(name, "lamp", 2, 2, size / 2, size / 2) for name in looked if name.label in of]
    return Boxes(marked, looked, (size, size), "by-hand.json")


def probed(gan: Gan, drawn: Boxes, **options: Any) -> Result:
    return probe(gan, "lamp", boxes=drawn, top=1, fresh=10, draws=2, **options)


def test_another_class_than_that_of_the_boxes_is_refused(gan: Gan) -> None:
    for drawn in (boxes(gan, [3]), boxes(gan, [3], empty=[0, 1])):
        with pytest.raises(GanlabError, match=r"of 'lamp' on pictures of class 3, but the GAN draws class 1") as caught:
            probed(gan.of_class(1), drawn, drop=True)
        assert "--label 3" in caught.value.hint


def test_without_a_class_that_of_the_boxes_is_meant(gan: Gan) -> None:
    alone = probed(gan, boxes(gan, [3]), drop=True)
    named = probed(gan.of_class(3), boxes(gan, [3]), drop=True)
    assert ", class 3" in alone.summary
    assert alone.summary == named.summary
    assert alone.figures["drop"].image.tobytes() == named.figures["drop"].image.tobytes()
    assert ", class 3" in probed(gan, boxes(gan, [3], empty=[0, 1]), drop=True).summary


def test_of_boxes_on_several_classes_those_of_the_class_count(gan: Gan) -> None:
    both = probed(gan.of_class(3), boxes(gan, [1, 3]))
    alone = probed(gan.of_class(3), boxes(gan, [3]))
    assert (both.arrays["weights"] == alone.arrays["weights"]).all()
    assert both.notes[0] == "Of the 16 pictures that were looked at, the 8 of class 3 count."
    assert not any("count" in note for note in alone.notes)
    with pytest.raises(GanlabError, match="needs one") as caught:
        probed(gan, boxes(gan, [1, 3]), drop=True)
    assert "--label" in caught.value.hint


def test_pictures_that_name_no_class_are_of_the_one_that_is_drawn(gan: Gan) -> None:
    assert ", class 1" in probed(gan.of_class(1), boxes(gan, [None])).summary


def test_a_labeler_marks_the_class_that_the_checkpoints_own_boxes_are_not_of(
    gan: Gan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Boxes, "of_checkpoint", classmethod(lambda cls, gan: boxes(gan, [3])))
    half = Half()
    by_labeler = probe(gan.of_class(1), "lamp", labeler=half, top=1, n=10)
    assert "boxes drawn" not in by_labeler.metrics["auc"].about
    assert "boxes drawn" in probe(gan.of_class(3), "lamp", labeler=half, top=1).metrics["auc"].about
    with pytest.raises(GanlabError, match="class 3, but the GAN draws class 1"):
        probe(gan.of_class(1), "lamp", top=1)
