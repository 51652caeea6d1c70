"""Who may go on with a run, with which pictures, and on how many threads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from ganlab.errors import GanlabError
from ganlab.training import claiming, starting
from ganlab.training.state import STATE, load_state, save_state, stored_settings
from tests import children
from tests.children import Child
from tests.kit import smooth_pictures, tiny_settings
from tests.resume_kit import EPOCHS, READING, STEPS, pictures_file, steps_noted

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


@pytest.fixture
def data(tmp_path: Path) -> str:
    return pictures_file(tmp_path)


def test_trainings_started_together_have_a_folder_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path / "runs"))
    names = [tmp_path / "runs/train/rooms-0001", *[tmp_path / f"runs/train/rooms-000{n}" for n in (1, 2)]]
    monkeypatch.setattr(claiming, "new_run_folder", lambda *_: names.pop(0))  # both have seen that 1 is free
    with claiming.new_run(None, "rooms") as first, claiming.new_run(None, "rooms") as second:
        assert (first.name, second.name) == ("rooms-0001", "rooms-0002")
        assert first.is_dir()
        assert second.is_dir()
    assert not list(tmp_path.iterdir())  # neither wrote a state


def test_a_run_that_fails_before_its_first_state_leaves_nothing(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANLAB_RUNS", str(tmp_path / "runs"))
    with pytest.raises(GanlabError, match="fewer than a batch"):
        starting.start(tiny_settings(data, batch=1000), READING, "cpu", None)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(GanlabError, match="fewer than a batch"):
        starting.start(tiny_settings(data, batch=1000), READING, "cpu", tmp_path / "mine")
    assert not list((tmp_path / "mine").iterdir())


def test_a_second_process_is_kept_out_of_a_run(tmp_path: Path, data: str) -> None:
    run = tmp_path / "run"
    with claiming.new_run(run, ""):
        child = Child(tmp_path, children.train, run, tiny_settings(data, epochs=1), 0.0)
        assert child.wait() == 2
        assert f"Another process is training in {run}." in child.output
    starting.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    with claiming.held(run):
        child = Child(tmp_path, children.train, run, tiny_settings(data, epochs=1), 0.0)
        assert child.wait() == 2
        assert f"Another process is training in {run}." in child.output
    starting.resume(run, None, {"epochs": 1}, READING, "cpu")


def test_other_pictures_are_refused(tmp_path: Path, data: str) -> None:
    run = tmp_path / "run"
    starting.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    before = (run / STATE).read_bytes()
    np.save(tmp_path / "others.npy", smooth_pictures(64, seed=1))
    with pytest.raises(GanlabError, match="not those this run was trained on"):
        starting.resume(run, str(tmp_path / "others.npy"), {"epochs": 2}, READING, "cpu")
    np.save(data, smooth_pictures(64, seed=2))  # changed in place
    with pytest.raises(GanlabError, match="not those this run was trained on"):
        starting.resume(run, None, {"epochs": 2}, READING, "cpu")
    assert (run / STATE).read_bytes() == before
    np.save(tmp_path / "moved.npy", smooth_pictures(8 * STEPS // EPOCHS))  # the same ones elsewhere are welcome
    starting.resume(run, str(tmp_path / "moved.npy"), {"epochs": 2}, READING, "cpu")
    assert steps_noted(run) == 16


def test_pictures_that_have_moved_are_asked_for(tmp_path: Path, data: str) -> None:
    """As where the run is gone on with from another folder."""
    run = tmp_path / "my run"
    starting.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    Path(data).rename(tmp_path / "moved.npy")
    with pytest.raises(GanlabError, match="There is no") as caught:
        starting.resume(run, None, {"epochs": 2}, READING, "cpu")
    assert f"ganlab train --resume '{run}' DATA" in caught.value.hint
    with pytest.raises(GanlabError, match="There is no") as caught:
        starting.resume(run, data, {"epochs": 2}, READING, "cpu")
    assert "--resume" not in caught.value.hint
    starting.resume(run, str(tmp_path / "moved.npy"), {"epochs": 2}, READING, "cpu")


def test_threads_are_those_the_run_began_with(tmp_path: Path, data: str) -> None:
    run = tmp_path / "run"
    torch.set_num_threads(1)
    starting.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    with safe_open(run / STATE, framework="pt") as file:
        assert json.loads(file.metadata()["settings"])["threads"] == 1
    torch.set_num_threads(2)
    starting.resume(run, None, {"epochs": 1}, READING, "cpu")
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("processes", "threads"), [(1, 1), (4, 2), (0, 1)])
def test_another_number_of_processes_has_threads_of_its_own(
    tmp_path: Path, data: str, processes: int, threads: int
) -> None:
    """One that trains alone would else keep the one thread of each of four; 0 is a state that does not say."""
    run = tmp_path / "run"
    torch.set_num_threads(1)
    starting.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    trainer = load_state(run, "cpu")
    assert trainer.settings.processes == 1
    trainer.settings = replace(trainer.settings, processes=processes)
    save_state(trainer, run)
    torch.set_num_threads(2)
    starting.resume(run, None, {}, READING, "cpu")
    assert torch.get_num_threads() == threads
    settings = stored_settings(run)
    assert settings is not None
    assert (settings.threads, settings.processes) == (threads, 1)
