"""A class is meant by its number or by its name, as messages show both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ganlab.classes import class_number
from ganlab.errors import GanlabError
from ganlab.testing import tiny_gan
from tests.kit import command


@pytest.mark.parametrize(
    ("names", "label", "number"),
    [
        (["cat", "dog"], "dog", 1),
        (["cat", "dog"], "1", 1),
        (["cat", "dog"], np.int64(1), 1),
        (["9", "10"], "10", 1),  # no class has the number 10
        (["1", "0"], "1", 1),  # a number comes before a name
    ],
)
def test_numbers_and_names(names: list[str], label: int | str, number: int) -> None:
    assert class_number(label, names, "some") == number


@pytest.mark.parametrize("label", ["dgo", "2", "-1", 2, ""])
def test_what_is_neither_is_refused_with_what_there_is(label: int | str) -> None:
    with pytest.raises(GanlabError, match="There is no class") as error:
        class_number(label, ["cat", "dog"], "some")
    assert error.value.hint == "Choose one with --label: 0 cat, 1 dog."


def test_a_number_in_python_is_no_name() -> None:
    with pytest.raises(GanlabError, match="There is no class 10"):
        class_number(10, ["9", "10"], "some")


def test_gans_take_either() -> None:
    gan = tiny_gan(classes=3)
    gan.card.facts["class_names"] = ["cat", "dog", "cow"]  # type: ignore[index]
    expected = gan.generate(gan.latents(2, label=1))
    assert torch.equal(gan.generate(gan.latents(2, label="dog")), expected)
    assert torch.equal(gan.of_class("dog").generate(gan.of_class("dog").latents(2)), expected)
    assert gan.of_class("dog").label == 1


def test_the_command_line_takes_either(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ganlab.checkpoints import save_gan

    save_gan(tiny_gan(classes=2), tmp_path / "gan")
    card = tmp_path / "gan" / "card.toml"
    card.write_text('class_names = ["cat", "dog"]\n' + card.read_text())
    for label in ("dog", "1"):
        ended = command(
            capsys, "sample", "--gan", tmp_path / "gan", "--label", label, "--n", 1, "--out", tmp_path / label
        )
        assert ended.code == 0, ended.err
    dog, one = (sorted((tmp_path / label / "pictures").iterdir()) for label in ("dog", "1"))
    assert [path.name for path in dog] == [path.name for path in one]
    assert dog[0].read_bytes() == one[0].read_bytes()
    assert command(capsys, "sample", "--gan", tmp_path / "gan", "--label", "cow", "--n", 1).code == 2


def test_help_shows_it_among_the_usual_options(capsys: pytest.CaptureFixture[str]) -> None:
    own, _, of_files = command(capsys, "probe", "--help").out.partition("A GAN from a file of bare weights")
    assert "--label CLASS" in own
    assert "--label CLASS" not in of_files


def test_help_does_not_offer_it_where_all_classes_are_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--label" not in command(capsys, "augment", "--help").out
    ended = command(capsys, "augment", "set.npz", "--label", "1")
    assert ended.code == 2
    assert "No such option: --label" in ended.err
