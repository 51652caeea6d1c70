"""Cards that a stranger wrote: told in a sentence, and soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab.card import MOST_BYTES, read_card
from ganlab.errors import GanlabError
from ganlab.exemplars import read_picture
from ganlab.imagespec import ImageSpec
from ganlab.marks import parse_picture_file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a" + b".a" * 20_000 + b" = 1", "far too long, or a name in it"),
        (b"x = {'a' . b" + b' . "a"' * 20_000 + b" = 1}", "far too long, or a name in it"),
        (b"# " + b"x" * MOST_BYTES, "far too long"),
        (b"n = " + b"9" * 5_000, "not valid TOML"),
        (b"n = " + b"[" * 3_000, "not valid TOML"),
        (b"n = \xff", "not valid TOML"),
    ],
    ids=["a long key", "one inside", "a long file", "a long number", "brackets", "no text"],
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
