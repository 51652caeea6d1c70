"""What the command line advises where words were not understood."""

from __future__ import annotations

import pytest

from .kit import command


def test_an_expression_without_quotes_is_told_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    ended = command(capsys, "arithmetic", "smiling_woman", "-", "neutral_woman")
    assert ended.code == 2
    assert "in quotes" in ended.err
    assert "in quotes" not in command(capsys, "arithmetic", "--nothing").err
