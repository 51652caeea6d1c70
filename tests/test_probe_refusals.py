"""What the probe refuses, and what it refuses before it looks at a picture."""

from __future__ import annotations

import pytest

from ganlab import Gan, GanlabError
from ganlab.testing import tiny_gan
from ganlab_probe import layers, probe

from .planted import MAPS, Truth, planted_gan
from .probe_kit import boxed, drawn_boxes, known_gan  # noqa: F401 (known_gan is a fixture)


@pytest.fixture
def unfitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be fitted."""

    def fitted(*_: object) -> None:
        raise AssertionError("a fit was begun")

    monkeypatch.setattr(layers, "fit_each", fitted)


@pytest.mark.parametrize("layer", ["auto", "paper", "up8"])
def test_a_discriminator_alone_has_no_generator(layer: str) -> None:
    gan = tiny_gan()
    alone = Gan(None, gan.discriminator, image=gan.image)
    with pytest.raises(GanlabError, match="has no generator"):
        probe(alone, "window", layer=layer)


@pytest.mark.usefixtures("unfitted")
@pytest.mark.parametrize(("layer", "most"), [("auto", MAPS), ("paper", MAPS), ("3", 6)])
def test_more_filters_than_any_layer_has(layer: str, most: int) -> None:
    with pytest.raises(GanlabError, match=f"has {most + 1} filters") as caught:
        probe(planted_gan(), "window", drop=True, top=most + 1, layer=layer, labeler=Truth())
    assert f"from 1 to {most}." in caught.value.hint


@pytest.mark.usefixtures("unfitted")
def test_as_many_as_the_largest_layer_has_are_tried() -> None:
    with pytest.raises(AssertionError, match="a fit was begun"):
        probe(planted_gan(), "window", drop=True, top=MAPS, labeler=Truth())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concept": "ghost", "labeler": Truth()}, "does not know"),
        ({"concept": "window"}, "marked"),
        ({"concept": "window", "labeler": Truth(), "layer": "nowhere"}, "no layer"),
        ({"concept": "window", "labeler": Truth(), "drop": True, "top": 99}, "99"),
        ({"concept": "window", "labeler": Truth(), "drop": True, "insert": True, "at": "1,1"}, "two experiments"),
        ({"concept": "window", "labeler": Truth(), "insert": True}, "--at"),
        ({"concept": "ghost", "labeler": Truth(), "save": "out/no-windows"}, "--save"),  # before anything else
        ({"concept": "window", "labeler": Truth(), "save": ""}, "--save"),
        ({"concept": "ghost", "labeler": Truth(), "insert": True, "at": "a,b"}, "x,y"),  # before anything else
        ({"concept": "ghost", "labeler": Truth(), "insert": True, "at": "99,3"}, "outside"),
    ],
)
def test_wrong_options_are_told(gan: Gan, options: dict, words: str) -> None:
    with pytest.raises(GanlabError) as error:
        probe(gan, n=30, **options)
    assert words in error.value.message + error.value.hint
    assert error.value.hint


def test_boxes_of_another_checkpoint_are_refused(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="drawn on the checkpoint"):
        probe(tiny_gan(size=32), "window", boxes=drawn_boxes(gan))


def test_a_concept_without_boxes_is_told(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="no boxes of 'bed'"):
        probe(gan, "beds", boxes=drawn_boxes(gan))


def test_given_boxes_are_used_or_refused_whatever_the_labeler_knows(gan: Gan) -> None:
    with pytest.raises(GanlabError, match="no boxes of 'lamp'"):
        probe(gan, "lamp", boxes=drawn_boxes(gan), labeler=Truth())


def test_boxes_around_everything_are_told() -> None:
    gan = tiny_gan(size=32)
    with pytest.raises(GanlabError, match="marks too large"):
        probe(gan, "lamp", boxes=boxed(gan, 0, 0, 32))


def test_a_concept_that_nobody_has_marked_is_told_the_way_to_boxes() -> None:
    with pytest.raises(GanlabError, match="Nobody has marked 'window'") as caught:
        probe(tiny_gan(), "windows")
    assert "`ganlab mark --gan GAN --concept window`" in caught.value.hint
    assert "--boxes FILE" in caught.value.hint
