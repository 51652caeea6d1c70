"""Labelers: counting, whole pictures, measures, and by name."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ganlab.card import Card
from ganlab.errors import GanlabError
from ganlab.labels.labelers import Labeler
from ganlab.plugins.checks import PluginFault, check_brought


class Bright(Labeler):
    name = "bright"
    concepts = ("window", "bed")
    domain = "anything"
    card = MappingProxyType({"min_pixels": {"window": 3, "bed": 1}})

    def masks(self, images: Any, image: Any) -> np.ndarray:
        return np.stack([images[:, 0] > 0.5, images[:, 0] < -0.5], axis=1)


def test_a_labeler_counts_pixels_against_its_card() -> None:
    images = np.zeros((3, 1, 64, 64))
    images[0, 0, 0, :2] = 1
    images[1, 0, 0, :3] = 1
    images[1, 0, 1, 1] = -1
    assert Bright().shows(images, None).tolist() == [[False, False], [True, True], [False, False]]  # type: ignore[arg-type]
    assert Bright().column("Beds") == 1
    with pytest.raises(GanlabError, match="does not know 'lamp'") as caught:
        Bright().column("lamps")
    assert caught.value.hint == "It knows: window, bed."


@pytest.mark.parametrize("size", [16, 32, 64, 256])
@pytest.mark.parametrize(("share", "shown"), [(16, True), (15, False)])
def test_what_a_picture_shows_does_not_hang_on_how_large_the_gan_draws_it(size: int, share: int, shown: bool) -> None:
    """``min_pixels`` are of a 64x64 picture: 1024 of them are a quarter, in pictures of any size."""

    class Half(Bright):
        card = MappingProxyType({"min_pixels": {"window": 64 * 64 // 4, "bed": 1}})

    images = np.zeros((1, 1, 8, 8))
    images.reshape(-1)[:share] = 1
    images = images.repeat(size // 8, axis=2).repeat(size // 8, axis=3)
    assert Half().shows(images, None).tolist() == [[shown, False]]  # type: ignore[arg-type]
    assert Half().shows(images[:0], None).shape == (0, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (np.ones((1, 2, 8, 8), bool), r"bool \(1, 2, 8, 8\)"),  # of one picture, counted as if of all
        (np.ones((3, 2, 4, 4), bool), r"bool \(3, 2, 4, 4\)"),
        (np.ones((3, 3, 8, 8), bool), r"bool \(3, 3, 8, 8\)"),
        (np.ones((3, 2, 8, 8)), r"float64 \(3, 2, 8, 8\)"),
        (None, "NoneType"),
    ],
    ids=["one picture", "half the side", "another concept", "floats", "nothing"],
)
def test_masks_of_another_shape_are_not_counted(answer: Any, found: str) -> None:
    class Off(Bright):
        def masks(self, images: Any, image: Any) -> Any:
            return answer

    with pytest.raises(
        GanlabError, match=rf"'bright' breaks its promise: .* bool \(3, 2, 8, 8\), and returned {found}"
    ):
        Off().shows(np.zeros((3, 1, 8, 8)), None)  # type: ignore[arg-type]


def test_a_labeler_may_count_in_its_own_way() -> None:
    class Quick(Bright):
        def count_pixels(self, images: Any, image: Any) -> np.ndarray:
            return np.array([[2, 1]])

    assert Quick().shows(np.zeros((1, 1, 64, 64)), None).tolist() == [[False, True]]  # type: ignore[arg-type]


class Smiling(Labeler):
    name = "smiling"
    concepts = ("smile",)
    measures = ("width",)
    domain = "anything"
    card = MappingProxyType({})

    def shows(self, images: Any, image: Any) -> np.ndarray:
        return images[:, 0, 0, :1] > 0.5

    def measure(self, images: Any, image: Any) -> np.ndarray:
        return images[:, 0, 0, :1].astype(np.float32)


def test_a_labeler_may_label_whole_pictures_and_measure() -> None:
    images = np.array([0.2, 0.7]).reshape(2, 1, 1, 1)
    assert Smiling().shows(images, None).tolist() == [[False], [True]]  # type: ignore[arg-type]
    assert Smiling().measure(images, None).dtype == np.float32  # type: ignore[arg-type]
    assert Smiling().column("smiles") == 0
    with pytest.raises(GanlabError, match="'smiling' labels whole pictures, not pixels"):
        Smiling().masks(images, None)  # type: ignore[arg-type]


def test_a_labeler_that_does_not_measure_says_so() -> None:
    assert Bright().measures == ()
    with pytest.raises(GanlabError, match="'bright' measures nothing") as caught:
        Bright().measure(np.zeros((1, 1, 2, 2)), None)  # type: ignore[arg-type]
    assert caught.value.hint == "It tells whether a picture shows: window, bed."


def test_who_asks_for_both_is_told_both() -> None:
    images = np.array([0.2, 0.7]).reshape(2, 1, 1, 1)
    shows, measures = Smiling().shows_and_measure(images, None)  # type: ignore[arg-type]
    assert (shows.tolist(), measures.dtype) == ([[False], [True]], np.float32)
    assert np.array_equal(measures, Smiling().measure(images, None))  # type: ignore[arg-type]
    _, nothing = Bright().shows_and_measure(np.zeros((2, 1, 8, 8)), None)  # type: ignore[arg-type]
    assert (nothing.shape, nothing.dtype) == ((2, 0), np.float32)


def test_a_labeler_must_see_something() -> None:
    with pytest.raises(TypeError, match=r"Blind must define masks\(\) or shows\(\)"):

        class Blind(Labeler):
            name = "blind"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"concepts": ["window", "bed"]}, "its concepts must be a tuple"),
        ({"concepts": ("window", "")}, "'' is no name of a concept"),
        ({"concepts": ("windows", "bed")}, "nobody could ask for: the concept is 'window'"),
        ({"card": None}, "its card must be a mapping"),
        ({"card": {}}, "from how many pixels on a picture shows 'window'"),
        ({"card": {"min_pixels": 5}}, "from how many pixels on a picture shows 'window'"),
        ({"card": {"min_pixels": {"window": 1}}}, "from how many pixels on a picture shows 'bed'"),
        ({"domain": None}, "its domain must be words"),
    ],
)
def test_a_labeler_that_cannot_work_is_left_out(wrong: dict[str, Any], words: str) -> None:
    assert check_brought("register_labelers", [Bright(), Smiling()])
    lame = type("Lame", (Bright,), wrong)()
    with pytest.raises(PluginFault, match=f"the labeler 'bright' cannot work: .*{words}"):
        check_brought("register_labelers", [lame])


def test_labelers_are_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Labeler] = {"bright": Bright()}
    monkeypatch.setattr("ganlab.plugins.host", lambda: SimpleNamespace(labelers=lambda: found, left_out=str))
    assert Labeler.from_spec("bright") is found["bright"]
    with pytest.raises(GanlabError, match="no labeler 'brihgt'") as caught:
        Labeler.from_spec("brihgt")
    assert caught.value.hint == "Did you mean bright? Labelers: bright."
    found.clear()
    with pytest.raises(GanlabError) as caught:
        Labeler.from_spec("x")
    assert "plugins" in caught.value.hint


def test_a_checkpoints_own_labeler(monkeypatch: pytest.MonkeyPatch) -> None:
    class Host:
        def labelers(self) -> dict[str, Labeler]:
            return {"bright": Bright()}

        def left_out(self) -> str:
            return ""

    monkeypatch.setattr("ganlab.plugins.host", Host)
    named = SimpleNamespace(card=Card("named", facts={"labeler": "bright"}))
    assert isinstance(Labeler.of_checkpoint(named), Bright)  # type: ignore[arg-type]
    assert Labeler.of_checkpoint(SimpleNamespace(card=Card())) is None  # type: ignore[arg-type]
    with pytest.raises(GanlabError, match="no labeler 'dark'"):
        Labeler.of_checkpoint(SimpleNamespace(card=Card(facts={"labeler": "dark"})))  # type: ignore[arg-type]
