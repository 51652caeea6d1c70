"""Cards that a stranger wrote: told in a sentence, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ganlab import load_gan
from ganlab.card import MOST_BYTES, read_card
from ganlab.errors import GanlabError
from ganlab.imagespec import ImageSpec
from ganlab.labels.pictures import parse_picture_file, read_picture


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a" + b".a" * 20_000 + b" = 1", "one of its names has a hundred parts"),
        (b"x = {'a' . b" + b' . "a"' * 20_000 + b" = 1}", "one of its names has a hundred parts"),
        (b"# " + b"x" * MOST_BYTES, "longer than 1,048,576 bytes"),
        (b"x" * (MOST_BYTES - 1), "not valid TOML"),
        (b"n = " + b"9" * 5_000, "not valid TOML"),
        (b"n = " + b"[" * 3_000, "not valid TOML"),
        (b"n = \xff", "not valid TOML"),
    ],
    ids=["a long key", "one inside", "a long file", "a long word", "a long number", "brackets", "no text"],
)
def test_cards_that_none_would_write(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "card.toml").write_bytes(content)
    with pytest.raises(GanlabError, match=words):
        read_card(tmp_path / "card.toml")


def test_sentences_are_no_names(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text('summary = "' + "One. Two three. " * 2_000 + '"\n[a.b.c]\nd.e = 1.5\n')
    assert read_card(tmp_path / "card.toml")["a"] == {"b": {"c": {"d": {"e": 1.5}}}}


def test_numbers_without_end_name_no_picture() -> None:
    many = "9" * 5_000
    assert parse_picture_file(f"0123456789ab-s{many}-i00001.png") is None
    assert parse_picture_file(f"0123456789ab-s1-i{many}.png") is None
    assert read_picture(f"0:{many}", "0123456789ab") is None


@pytest.mark.parametrize(("low", "high"), [(0, float("inf")), (float("-inf"), 1), (float("nan"), 1)])
def test_a_range_is_finite(low: float, high: float) -> None:
    with pytest.raises(GanlabError, match="fits no picture"):
        ImageSpec(16, 3, low, high)


CHAIN = """name = "x"
summary = "s"
[prior]
law = "normal"
dim = 4
[image]
size = 16
channels = 1
low = -1.0
high = 1.0
[architecture]
name = "chain"
generator = [
{ name = "a", kind = "linear", inputs = 4, outputs = 256 },
%s
{ name = "r", kind = "reshape", shape = [1,16,16] },
%s
]
"""


def checkpoint(folder: Path, between: str, behind: str) -> Path:
    folder.mkdir()
    (folder / "card.toml").write_text(CHAIN % (between, behind))
    weights = {"generator.a.weight": torch.zeros(256, 4), "generator.a.bias": torch.zeros(256)}
    save_file(weights, folder / "weights.safetensors")
    return folder


def test_weights_that_are_not_there_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = '{ name = "b", kind = "linear", inputs = 256, outputs = 256 },'
    made: list[torch.device] = []
    reset = nn.Linear.reset_parameters
    monkeypatch.setattr(nn.Linear, "reset_parameters", lambda it: made.append(it.weight.device) or reset(it))
    with pytest.raises(GanlabError, match=r"lacks 'b\.bias'"):
        load_gan(str(checkpoint(tmp_path / "large", large, "")))
    assert {device.type for device in made} == {"meta"}
    assert load_gan(str(checkpoint(tmp_path / "whole", "", ""))).image.size == 16
    assert "cpu" in {device.type for device in made}


def test_a_pooling_that_would_take_minutes_is_refused(tmp_path: Path) -> None:
    slow = """{ name = "u", kind = "upsample", factor = 256, mode = "nearest" },
{ name = "k", kind = "max_pool", kernel = 2000, stride = 1, padding = 1000 },
{ name = "p", kind = "average_pool", kernel = 256 }"""
    with pytest.raises(GanlabError, match=r"would go through .* numbers for one picture"):
        load_gan(str(checkpoint(tmp_path / "slow", "", slow)))
