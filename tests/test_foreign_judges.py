"""A labeler that a GAN's card does not name was made for other pictures: every analysis that is given one says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from ganlab import Gan, Labeler, Metric, Result, analysis
from ganlab.testing import tiny_gan
from tests.kit import command


class Always(Labeler):
    name, concepts, domain, card = "always", ("window",), "pictures of walls", {}

    def shows(self, images: Any, image: Any) -> np.ndarray:
        return np.ones((len(images), 1), bool)


@analysis
def judged(
    gan: Gan,
    labeler: Annotated[Labeler | None, "who looks"] = None,
    others: Annotated[list[Gan] | None, "more GANs"] = None,
) -> Result:
    """Everything shows it."""
    return Result("All do.", {"share": Metric(1.0, no_control="a test")}, notes=["Mind this."])


def named(name: str, **facts: Any) -> Gan:
    gan = tiny_gan()
    gan.card = replace(gan.card, name=name, facts=facts)
    return gan


def note(gan: str) -> str:
    return (
        f"The labeler 'always' was made for pictures of walls; whether it is right about the pictures of {gan!r} "
        "nobody has checked."
    )


def test_a_judge_that_the_card_does_not_name_is_doubted() -> None:
    assert judged(named("mine"), Always()).notes == ["Mind this.", note("mine")]
    assert judged(named("mine", labeler="other"), Always()).notes == ["Mind this.", note("mine")]


def test_the_cards_own_judge_and_none_are_not() -> None:
    assert judged(named("mine", labeler="always"), Always()).notes == ["Mind this."]
    assert judged(named("mine")).notes == ["Mind this."]


def test_each_of_several_gans_is_asked_for() -> None:
    own, foreign = named("own", labeler="always"), named("foreign")
    assert judged(own, Always(), [own, foreign]).notes == ["Mind this.", note("foreign")]


def test_the_command_says_so_beside_its_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = command(capsys, "turn", "left", "right", "--gan", "rooms-64", "--labeler", "faces", "--n", "10")
    assert ended.code == 0
    assert "'faces' was made for faces of 64x64 drawn by ganlab_synthetic" in " ".join(ended.out.split())
    assert "of 'rooms-64' nobody has checked" in " ".join(ended.out.split())
