"""Progress is shown on a terminal's standard error, after a while, and nowhere else."""

from __future__ import annotations

import io
import re
import sys

import pytest

from ganlab import progressbar
from ganlab.progressbar import progress, reading_bar, shown_progress


class Terminal(io.StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        """What was shown, without colours and movements of the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())


def attach_terminal(monkeypatch: pytest.MonkeyPatch, term: str = "xterm") -> Terminal:
    """Make standard error a terminal: inside the test, since pytest puts its own there before."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "100")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_it_hands_everything_on() -> None:
    assert list(progress([1, 2, 3], "counting")) == [1, 2, 3]
    assert list(progress(3)) == [0, 1, 2]
    with shown_progress():
        assert list(progress(iter("ab"))) == ["a", "b"]


def test_it_is_silent_outside_a_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progressbar, "PATIENCE", -1.0)
    monkeypatch.setattr(progressbar, "EVERY", -1.0)
    list(progress(3, "counting"))
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with shown_progress():
        list(progress(3, "quick"))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(progressbar, "EVERY", -1.0)
    with shown_progress():
        for _ in progress(1200, "outer"):
            list(progress(iter("ab"), "inner \x1b[31m"))
            break
        list(progress(2, "next"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "outer 0 of 1,200",
        "outer 0 of 1,200: inner \\x1b[31m 0",
        "outer 0 of 1,200: inner \\x1b[31m 1",
        "next 0 of 2",
        "next 1 of 2",
    ]


def test_lines_keep_their_distance(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(progressbar.time, "monotonic", lambda: next(clock))
    with shown_progress():
        list(progress(6, "counting"))
    assert capsys.readouterr().err.splitlines() == ["counting 1 of 6", "counting 3 of 6", "counting 5 of 6"]


def test_a_bar_for_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = attach_terminal(monkeypatch)
    monkeypatch.setattr(progressbar, "PATIENCE", -1.0)
    before = sys.stdout
    with shown_progress():
        for _ in progress(3, "outer [loop]"):
            assert list(progress(iter("ab"), "inner loop")) == ["a", "b"]
        assert sys.stdout is before
    assert "outer [loop]" in terminal.text()
    assert "/3" in terminal.text()


def test_a_bar_shows_no_controls_of_other_peoples_names(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = attach_terminal(monkeypatch)
    monkeypatch.setattr(progressbar, "PATIENCE", -1.0)
    with shown_progress():
        list(progress(3, "drawing from \x1b[35mtiny"))
    assert "drawing from \\x1b[35mtiny" in terminal.getvalue()


def test_a_terminal_that_moves_no_cursor_is_told_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganlab.training.display import Display
    from ganlab.training.loop import Moment

    terminal = attach_terminal(monkeypatch, "dumb")
    monkeypatch.setattr(progressbar, "PATIENCE", -1.0)
    monkeypatch.setattr(progressbar, "EVERY", -1.0)
    with shown_progress():
        list(progress(1, "counting"))
    with reading_bar() as bar:
        bar(64, 1_000)
    losses = {"loss_d": 1.0, "loss_g": 2.0, "d_real": 0.5, "d_fake": 0.25}
    with Display() as display:
        display.show(Moment(10, 5_010, 1, 3, 7.0, losses))
    assert terminal.getvalue().splitlines() == [
        "counting 0 of 1",
        "reading pictures 64 of 1,000",
        "epoch 1/3, 10 of 5,010 steps: 7 images/s  loss D 1.00 G 2.00  D(x) 0.50 D(G(z)) 0.25",
    ]


def test_no_bar_for_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = attach_terminal(monkeypatch)
    with shown_progress():
        list(progress(3, "quick"))
    assert terminal.getvalue() == ""


def test_leaving_a_loop_early_takes_its_bar_away(monkeypatch: pytest.MonkeyPatch) -> None:
    attach_terminal(monkeypatch)
    monkeypatch.setattr(progressbar, "PATIENCE", -1.0)
    with shown_progress():
        for step in progress(100, "stopped"):
            if step == 3:
                break
        assert list(progress(2, "next")) == [0, 1]


@pytest.mark.parametrize("seconds", [1.0, 100.0])
def test_a_training_run_shows_the_time_left_however_slow_its_steps(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    from ganlab.training.display import Display
    from ganlab.training.loop import Moment

    screen, now = attach_terminal(monkeypatch), 0.0
    monkeypatch.setattr("rich.console.monotonic", lambda: now)
    losses = {"loss_d": 1.0, "loss_g": 1.0, "d_real": 0.5, "d_fake": 0.5}
    with Display() as display:
        for step in range(5_001, 5_005):  # of a run that is gone on with
            now += seconds
            display.show(Moment(step, 5_010, 1, 1, 1.0, losses))
    assert ("0:00:06" if seconds == 1 else "0:10:00") in screen.text()


def test_a_training_run_shows_everything_on_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    from ganlab.training.display import Display
    from ganlab.training.loop import Moment

    screen = attach_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "80")
    losses = {"loss_d": 10.25, "loss_g": 20.5, "d_real": 0.5, "d_fake": 0.25}
    with Display() as display:
        display.show(Moment(123_456, 1_234_567, 12, 100, 1234.5, losses))
    shown = screen.text()
    for part in ("epoch 12/100", "123456/1234567 steps", "left", "1234 images/s", "D 10.25 G 20.50", "D(x) 0.50"):
        assert part in shown
    assert "D(G(z)) 0.25" in shown
    assert "…" not in shown
