"""What the probe refuses before it looks at a picture."""

from __future__ import annotations

import pytest

from ganlab import Gan, GanlabError
from ganlab.testing import tiny_gan
from ganlab_probe import layers, probe

from .planted import MAPS, Truth, planted_gan


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


def test_a_concept_that_nobody_has_marked_is_told_the_way_to_boxes() -> None:
    with pytest.raises(GanlabError, match="Nobody has marked 'window'") as caught:
        probe(tiny_gan(), "windows")
    assert "`ganlab mark --gan GAN --concept window`" in caught.value.hint
    assert "--boxes FILE" in caught.value.hint
