"""What a run does besides its steps, and how often: states, the plot, and the images/s that are shown."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ganlab.training import journal, loop
from ganlab.training.loop import Moment
from ganlab.training.state import load_state
from ganlab.training.trainer import Trainer
from tests.kit import Pictures, tiny_settings, tree

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


def slow_steps(monkeypatch: pytest.MonkeyPatch, seconds: Iterator[float]) -> None:
    """A clock that only steps advance, each by the next of these."""
    now = 0.0
    real = loop._advance

    def advance(*args: Any) -> Any:
        nonlocal now
        now += next(seconds)
        return real(*args)

    monkeypatch.setattr(loop, "_advance", advance)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now))


def states_written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps after which a state is written, as it is."""
    steps: list[int] = []
    real = loop.save_state
    monkeypatch.setattr(loop, "save_state", lambda trainer, run: (steps.append(trainer.step), real(trainer, run)))
    return steps


def test_small_epochs_do_not_each_write_a_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_steps(monkeypatch, iter([4.0] * 10))
    steps = states_written(monkeypatch)
    assert loop.train(Pictures(16), tmp_path, Trainer(tiny_settings(epochs=5), "cpu"))
    assert steps == [0, 4, 8, 10]  # epochs of 8 seconds: one of 16 is worth a state, and the end always is


def test_a_run_that_stops_writes_its_state_however_young_the_last_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_steps(monkeypatch, iter([6.0] * 10))
    steps, trainer = states_written(monkeypatch), Trainer(tiny_settings(epochs=5), "cpu")
    assert not loop.train(Pictures(16), tmp_path, trainer, stop=lambda: trainer.step == 3)
    assert steps == [0, 2, 3]


def test_from_a_state_before_the_last_epochs_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    pictures, settings = Pictures(24), tiny_settings(epochs=3)
    loop.train(pictures, tmp_path / "whole/run", Trainer(settings, "cpu"))
    killed = Trainer(settings, "cpu")

    def kill() -> bool:
        if killed.step == 7:
            raise KeyboardInterrupt
        return False

    run = tmp_path / "killed/run"
    with pytest.raises(KeyboardInterrupt):
        loop.train(pictures, run, killed, stop=kill)
    assert (run / "epochs/0002").is_dir()
    again = load_state(run, "cpu")
    assert again.step == 0
    assert loop.train(pictures, run, again)
    whole = tmp_path / "whole/run"
    assert tree(run) == tree(whole)
    assert all((run / file).read_bytes() == (whole / file).read_bytes() for file in tree(run))


def test_start_up_is_soon_forgotten_in_the_images_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_steps(monkeypatch, iter([100.0, *[2.0] * 9, *[4.0] * 10]))
    shown: list[Moment] = []
    loop.train(Pictures(160), tmp_path, Trainer(tiny_settings(epochs=1), "cpu"), show=shown.append)
    speeds = [moment.speed for moment in shown]
    assert len(speeds) == 20
    assert speeds[0] == 8 / 100
    assert speeds[9] == 8 / 2
    assert 8 / 4 < speeds[11] < 8 / 2  # evened out over a few readings
    assert speeds[-1] == 8 / 4


@pytest.mark.parametrize("count", [1, 1999, 2000, 3999, 4000, 12345])
def test_the_plot_shows_every_so_manieth_row_and_reads_no_other(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.csv"
    rows = np.random.default_rng(0).normal(size=(count, 5)).round(5)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("step", *journal.StepLog.NAMES))
        writer.writerows([step, *row] for step, row in enumerate(rows.tolist(), 1))
    numbers: list[str] = []
    monkeypatch.setattr(journal, "float", lambda text: numbers.append(text) or float(text), raising=False)
    read = np.array(journal._read_history(path))
    chosen = range(0, count, max(1, count // 2000))
    assert read[:, 0].tolist() == [row + 1 for row in chosen]
    assert np.array_equal(read[:, 1:3], rows[chosen, :2])
    assert len(numbers) == 3 * len(chosen) < 12_000
