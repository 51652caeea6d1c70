"""A person's own words on a card are kept and shown, whatever ganlab itself writes under the same names."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from ganlab.card import Card
from ganlab.checkpoints import load_gan, save_gan
from ganlab.checkpoints.exporting import export_gan
from ganlab.cli.running import say_notes
from ganlab.errors import GanlabError
from ganlab.testing import tiny_gan
from tests.kit import command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_gan(tiny_gan(), tmp_path / "gan")
    return tmp_path / "gan"


def say(folder: Path, **facts: Any) -> None:
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    (folder / "card.toml").write_text(tomli_w.dumps({**facts, **card}), encoding="utf-8")


OWN_WORDS = [
    ({"notes": "trained at night"}, "note: trained at night"),
    ({"notes": ["one", 2]}, "note: 2"),
    ({"notes": {"of": "the author"}}, "the author"),
    ({"source": "a friend"}, "source: a friend"),
    ({"source": {"where": "a friend", "keys": 3}}, "where: a friend"),
    ({"decisions": "by the jury"}, "decisions: by the jury"),
    ({"decisions": ["first", "second"]}, "decisions: ['first', 'second']"),
    ({"decisions": [{"what": "the law of z"}]}, "the law of z"),
    ({"decisions": [{"what": "z", "chosen": "normal", "evidence": "I know", "runner_up": 3}]}, "I know"),
]


@pytest.mark.parametrize(("facts", "shown"), OWN_WORDS, ids=lambda value: str(value)[:30])
def test_info_shows_them(folder: Path, capsys: pytest.CaptureFixture[str], facts: dict[str, Any], shown: str) -> None:
    say(folder, **facts)
    ended = command(capsys, "checkpoints", "info", folder)
    assert ended.code == 0
    assert shown in ended.out
    assert load_gan(str(folder)).card.facts == facts


def test_commands_tell_a_note_that_is_one_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(folder, notes="trained at night")
    say_notes(load_gan(str(folder)))
    assert "tiny-16: trained at night" in capsys.readouterr().err
    assert Card(facts={"notes": ["a", "b"]}).notes == ["a", "b"]
    assert Card().notes == []


def test_a_source_in_a_persons_words_is_no_file_to_write_back_to(folder: Path, tmp_path: Path) -> None:
    say(folder, source="a friend")
    with pytest.raises(GanlabError, match="does not come from a file that can be written back"):
        export_gan(load_gan(str(folder)), folder / "weights.safetensors", tmp_path / "out.pth")
