"""What is reported of a classifier that is often wrong: which classes it confuses, and the pictures that show it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from ganlab import Result
from ganlab import figures as draw
from ganlab_augment import augment
from tests.kit import Call, spied

from .test_augment import CLASSES, samples_of, teacher

pytestmark = pytest.mark.usefixtures("one_thread")


class Misled(NamedTuple):
    """Tests of which many are said to be of class 1, training pictures of which all are said to be of another class."""

    result: Result
    data: dict[str, np.ndarray]
    samples: np.ndarray
    blocks: Call
    mistakes: Call
    misdrawn: Call

    @property
    def confusion(self) -> np.ndarray:
        truth, told = self.result.arrays["truth"], self.result.arrays["told"][-1]
        return np.array(
            [[((truth == one) & (told == other)).sum() for other in range(CLASSES)] for one in range(CLASSES)]
        )


@pytest.fixture(scope="module")
def misled(tmp_path_factory: pytest.TempPathFactory) -> Misled:
    gan, folder = teacher(), tmp_path_factory.mktemp("misled")
    data = dict(np.load(samples_of(gan, folder)))
    data["y_train"] = (data["y_train"] + 1) % CLASSES
    for drawn_as, count in ((2, 12), (0, 3)):
        data["y_test"][np.flatnonzero(data["y_test"] == drawn_as)[:count]] = 1
    np.savez(folder / "misled.npz", **data)
    with pytest.MonkeyPatch.context() as patch:
        blocks, rows = spied(patch, draw, "blocks"), spied(patch, draw, "labelled_rows")
        result = augment(gan=gan, data=str(folder / "misled.npz"), n=90, shown=2)
    samples = gan.image.to_uint8(gan.generate(gan.latents_in_turn(90, seed=0)))
    return Misled(result, data, samples, blocks[0], *rows)


def test_the_confusion_and_the_errors_of_each_class_hold_what_was_told(misled: Misled) -> None:
    confusion, arrays = misled.confusion, misled.result.arrays
    assert [row[1:] for row in misled.result.tables["confusion"].rows] == confusion.tolist()
    assert confusion[1, 2] > confusion[1, 0] > confusion[0, 1]
    for label, (_, count, *errors, of_samples) in enumerate(misled.result.tables["classes"].rows):
        asked = arrays["truth"] == label
        assert count == asked.sum()
        assert of_samples == 1  # the real pictures' classes are all wrong
        assert errors == [(told[asked] != label).mean() for told in arrays["told"]]


def test_figure_9_shows_pictures_of_each_set_and_class(misled: Misled) -> None:
    real, samples = misled.blocks.args[0].values()
    for label in range(CLASSES):
        there = misled.data["x_train"][misled.data["y_train"] == label]
        assert all((there == picture).all((1, 2, 3)).any() for picture in real[label][0])
        assert np.array_equal(samples[label][0], misled.samples[[label, label + CLASSES]])


def test_the_commonest_mistakes_are_shown_by_the_pair_that_is_closest(misled: Misled) -> None:
    tested, wrong = misled.data["x_test"], misled.confusion * (1 - np.eye(CLASSES, dtype=int))
    apart = ((tested[:, None].astype(float) - misled.samples) ** 2).sum((2, 3, 4))
    places = np.argsort(-wrong, axis=None, kind="stable")[: np.count_nonzero(wrong)]
    expected = []
    for one, other in zip(*np.unravel_index(places, wrong.shape), strict=True):
        rows = np.flatnonzero((misled.data["y_test"] == one) & (misled.result.arrays["told"][-1] == other))
        expected.append(rows[apart[rows].min(1).argmin()])
    assert np.array_equal(misled.mistakes.args[0]["test picture"], tested[expected])
    assert np.array_equal(misled.mistakes.args[0]["nearest sample"], misled.samples[apart[expected].argmin(1)])
    assert misled.mistakes.words["heads"][0] == f"1, taken for 2: {wrong[1, 2]}x"


def test_samples_that_are_misdrawn_are_shown_above_the_real_picture_that_says_so(misled: Misled) -> None:
    trained, asked = misled.data["x_train"], len(misled.data["x_test"])
    told = misled.result.arrays["samples_told"][-1]
    apart = ((misled.samples[:asked, None].astype(float) - trained) ** 2).sum((2, 3, 4))
    assert np.array_equal(told, misled.data["y_train"][apart.argmin(1)])
    samples, real = misled.misdrawn.args[0]["sample"], misled.misdrawn.args[0]["nearest real picture"]
    pairs = np.arange(asked) % CLASSES * CLASSES + told
    common = np.bincount(pairs[told != np.arange(asked) % CLASSES]).argmax()
    rows = np.flatnonzero(pairs == common)
    shown = rows[apart[rows].min(1).argmin()]
    assert np.array_equal(samples[0], misled.samples[shown])
    assert np.array_equal(real[0], trained[apart[shown].argmin()])
