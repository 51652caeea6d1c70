"""Where the pages lie that hints name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganlab.documentation import folder, located


def test_pages_that_hints_name_are_named_by_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert located("See docs/data.md, or docs/none.") == f"See {folder() / 'data.md'}, or docs/none."
    assert (folder() / "data.md").is_file()


def test_below_the_current_folder_they_are_named_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder().parent)
    assert located("See docs/data.md.") == "See docs/data.md."


def test_other_people_s_pages_and_gone_folders_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = "See https://github.com/me/plug/blob/main/docs/data.md and docs/usage.md."
    assert located(theirs) == theirs
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert located("See docs/data.md.") == f"See {folder() / 'data.md'}."
