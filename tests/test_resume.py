"""A run goes on exactly where it was, whatever stopped it."""

from __future__ import annotations

import csv
import errno
import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ganlab.architectures.dcgan import DcganSettings
from ganlab.architectures.mlp import MlpSettings
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.training import claiming, loop, runs
from ganlab.training import state as state_module
from ganlab.training.settings import TrainSettings
from ganlab.training.state import STATE, load_state, save_state
from ganlab.training.trainer import Trainer
from tests import children
from tests.children import Child
from tests.kit import Pictures, no_plots, one_thread, smooth_pictures, tiny_settings, tree  # noqa: F401 (two are fixtures)

EPOCHS, STEPS = 5, 40
READING = runs.Reading(0, False)


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.save(tmp_path / "pictures.npy", smooth_pictures(8 * STEPS // EPOCHS))
    return str(tmp_path / "pictures.npy")


def train_without_pause(folder: Path, settings: TrainSettings, threads: int = 1, conditional: bool = False) -> None:
    """The run that the interrupted ones must equal."""
    child = Child(folder, children.train, folder / "whole", settings, 0.0, threads, conditional)
    assert child.wait() == 0, child.output


def assert_same_end(run: Path, whole: Path) -> None:
    for epoch in range(1, EPOCHS + 1):
        file = f"epochs/{epoch:04d}/weights.safetensors"
        assert (run / file).read_bytes() == (whole / file).read_bytes(), file
    for file in (STATE, "history.csv"):
        assert (run / file).read_bytes() == (whole / file).read_bytes(), file
    assert tree(run) == tree(whole)  # nothing unfinished is left lying


def steps_noted(run: Path) -> int:
    """How far the state on disk is."""
    with safe_open(run / STATE, framework="pt") as file:
        return int(file.metadata()["step"])


def kill_and_resume(
    folder: Path, settings: TrainSettings, kills: int, seed: int, threads: int = 1, conditional: bool = False
) -> int:
    """Kill a run so many times, then let it end; in how many of them it was just writing its state."""
    train_without_pause(folder, settings, threads, conditional)
    chance = random.Random(seed)
    run, inside, killed = folder / "killed", 0, 0
    half_written, history = run / f".{STATE}.new", run / "history.csv"

    def noted(step: int) -> Callable[[], bool]:
        return lambda: history.exists() and history.read_bytes().count(b"\n") > step

    for kill in range(kills):
        child = Child(folder, children.train, run, settings, 0.0, threads, conditional)
        if kill % 4 == 3:  # while it starts
            time.sleep(chance.uniform(0, 0.3))
        else:  # after a step, and inside the writing of a state every other time
            child.wait_for(noted(STEPS * kill // kills + chance.randrange(2)))
            time.sleep(chance.uniform(0, 0.02))
            if kill % 2:
                child.wait_for(half_written.exists, pause=0)
        killed += child.signal(signal.SIGKILL) == -signal.SIGKILL
        inside += half_written.exists()
        if not (run / STATE).exists():  # killed before there was anything to go on from
            shutil.rmtree(run, ignore_errors=True)
    assert killed >= kills - 1
    for _ in range(2):  # the second has nothing left to do
        child = Child(folder, children.train, run, settings, 0.0, threads, conditional)
        assert child.wait() == 0, child.output
    assert_same_end(run, folder / "whole")
    rows = list(csv.DictReader(history.open()))
    assert [int(row["step"]) for row in rows] == list(range(1, STEPS + 1))
    return inside


def test_killed_three_times_it_ends_with_the_same_bytes(tmp_path: Path, data: str) -> None:
    kill_and_resume(tmp_path, tiny_settings(data, epochs=EPOCHS), kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("network", [DcganSettings(16, 3, 4, 10), MlpSettings(16, 3, 6, 10)])
def test_told_classes_and_killed_it_ends_with_the_same_bytes(tmp_path: Path, network: NetworkSettings) -> None:
    pictures = smooth_pictures(8 * STEPS // EPOCHS)
    np.savez(tmp_path / "labelled.npz", images=pictures, labels=np.arange(len(pictures)) % 3)
    settings = tiny_settings(str(tmp_path / "labelled.npz"), epochs=EPOCHS, network=network)
    kill_and_resume(tmp_path, settings, kills=3, seed=3, conditional=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("threads", "changes"), [(1, {}), (2, {"law": "normal"}), (1, {"precision": "bf16", "noise": 0.1, "average": 0.99})]
)
def test_killed_twenty_times_it_ends_with_the_same_bytes(
    tmp_path: Path, data: str, threads: int, changes: dict[str, Any]
) -> None:
    settings = tiny_settings(data, epochs=EPOCHS, **changes)
    assert kill_and_resume(tmp_path, settings, kills=20, seed=2, threads=threads) >= 2


CONDITIONAL = {"classes": ("a", "b", "c"), "class_counts": (22, 21, 21)}
TOLD = {**CONDITIONAL, "network": DcganSettings(16, 3, 4, 10, classes=3, classes_as="embedding", affine=False)}
BASELINE = {**CONDITIONAL, "network": MlpSettings(16, 3, 6, 10, classes=3)}


@pytest.mark.parametrize(
    "changes", [{}, {"flip": True, "noise": 0.1, "average": 0.9}, {**TOLD, "average": 0.9}, BASELINE]
)
def test_resumed_in_one_process_it_ends_with_the_same_weights(tmp_path: Path, changes: dict[str, Any]) -> None:
    labels = np.arange(64) % 3 if "classes" in changes else None
    pictures, settings = Pictures(64, labels=labels), tiny_settings(epochs=2, **changes)
    whole = Trainer(settings, "cpu")
    loop.train(pictures, tmp_path / "whole", whole)
    stopped = Trainer(settings, "cpu")
    assert not loop.train(pictures, tmp_path / "stopped", stopped, stop=lambda: stopped.step == 11)
    resumed = load_state(tmp_path / "stopped", "cpu")
    assert resumed.step == 11
    for side, network in resumed.networks().items():
        for parameter in network.parameters():
            moments = resumed.optimizers[side].state[parameter]
            assert moments["exp_avg"].stride() == parameter.stride()
            assert moments["step"] == 11
    assert loop.train(pictures, tmp_path / "stopped", resumed)
    for side, network in resumed.networks().items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, whole.networks()[side].state_dict()[key]), key
    file = "epochs/0002/weights.safetensors"
    assert (tmp_path / "stopped" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_more_epochs_go_on_from_the_end(tmp_path: Path) -> None:
    pictures = Pictures(16)
    loop.train(pictures, tmp_path / "three", Trainer(tiny_settings(epochs=3), "cpu"))
    loop.train(pictures, tmp_path / "one", Trainer(tiny_settings(epochs=1), "cpu"))
    longer = load_state(tmp_path / "one", "cpu", epochs=3)
    assert loop.train(pictures, tmp_path / "one", longer)
    file = "epochs/0003/weights.safetensors"
    assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "three" / file).read_bytes()
    with pytest.raises(GanlabError, match="at least one epoch"):
        load_state(tmp_path / "one", "cpu", epochs=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_its_state_and_goes_on(tmp_path: Path, data: str, number: signal.Signals) -> None:
    run = tmp_path / "run"
    words = ["train", data, "--size", "16", "--width", "4", "--z-dim", "10", "--batch", "8", "--epochs", "1000"]
    child = Child(tmp_path, children.command_line, *words, "--out", str(run))
    history = run / "history.csv"
    assert child.wait_for(lambda: history.exists() and history.read_text().count("\n") > 10), child.output
    assert child.signal(number) == 130
    assert f"ganlab train --resume {run}" in child.output
    assert "Traceback" not in child.output
    done = steps_noted(run)
    assert done >= 10  # states are minutes apart: this one was written because of the signal
    assert history.read_text().count("\n") == done + 1
    epochs = str(done // 8 + 1)
    again = Child(tmp_path, children.command_line, "train", "--resume", str(run), "--epochs", epochs)
    assert again.wait() == 0, again.output
    assert steps_noted(run) == 8 * int(epochs)


def test_a_run_is_resumable_from_its_first_moment(tmp_path: Path) -> None:
    trainer = Trainer(tiny_settings(), "cpu")

    def advance(pictures: np.ndarray, labels: np.ndarray | None) -> None:
        raise KeyboardInterrupt

    trainer.advance = advance  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        loop.train(Pictures(16), tmp_path / "run", trainer)
    resumed = load_state(tmp_path / "run", "cpu")
    assert resumed.step == 0
    loop.train(Pictures(16), tmp_path / "run", resumed)
    loop.train(Pictures(16), tmp_path / "whole", Trainer(tiny_settings(), "cpu"))
    file = "epochs/0002/weights.safetensors"
    assert (tmp_path / "run" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


# several at once


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
        runs.start(tiny_settings(data, batch=1000), READING, "cpu", None)
    assert not (tmp_path / "runs").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(GanlabError, match="fewer than a batch"):
        runs.start(tiny_settings(data, batch=1000), READING, "cpu", tmp_path / "mine")
    assert not list((tmp_path / "mine").iterdir())


def test_a_second_process_is_kept_out_of_a_run(tmp_path: Path, data: str) -> None:
    run = tmp_path / "run"
    with claiming.new_run(run, ""):
        child = Child(tmp_path, children.train, run, tiny_settings(data, epochs=1), 0.0)
        assert child.wait() == 2
        assert f"Another process is training in {run}." in child.output
    runs.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    with claiming.held(run):
        child = Child(tmp_path, children.train, run, tiny_settings(data, epochs=1), 0.0)
        assert child.wait() == 2
        assert f"Another process is training in {run}." in child.output
    runs.resume(run, None, 1, READING, "cpu")


# what a run does not go on with


def test_other_pictures_are_refused(tmp_path: Path, data: str) -> None:
    run = tmp_path / "run"
    runs.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    before = (run / STATE).read_bytes()
    np.save(tmp_path / "others.npy", smooth_pictures(64, seed=1))
    with pytest.raises(GanlabError, match="not those this run was trained on"):
        runs.resume(run, str(tmp_path / "others.npy"), 2, READING, "cpu")
    np.save(data, smooth_pictures(64, seed=2))  # changed in place
    with pytest.raises(GanlabError, match="not those this run was trained on"):
        runs.resume(run, None, 2, READING, "cpu")
    assert (run / STATE).read_bytes() == before
    np.save(tmp_path / "moved.npy", smooth_pictures(8 * STEPS // EPOCHS))  # the same ones elsewhere are welcome
    runs.resume(run, str(tmp_path / "moved.npy"), 2, READING, "cpu")
    assert steps_noted(run) == 16


def test_pictures_that_have_moved_are_asked_for(tmp_path: Path, data: str) -> None:
    """As where the run is gone on with from another folder."""
    run = tmp_path / "my run"
    runs.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    Path(data).rename(tmp_path / "moved.npy")
    with pytest.raises(GanlabError, match="There is no") as caught:
        runs.resume(run, None, 2, READING, "cpu")
    assert f"ganlab train --resume '{run}' DATA" in caught.value.hint
    with pytest.raises(GanlabError, match="There is no") as caught:
        runs.resume(run, data, 2, READING, "cpu")
    assert "--resume" not in caught.value.hint
    runs.resume(run, str(tmp_path / "moved.npy"), 2, READING, "cpu")


def test_threads_are_those_the_run_began_with(tmp_path: Path, data: str) -> None:
    run = tmp_path / "run"
    torch.set_num_threads(1)
    runs.start(tiny_settings(data, epochs=1), READING, "cpu", run)
    with safe_open(run / STATE, framework="pt") as file:
        assert json.loads(file.metadata()["settings"])["threads"] == 1
    torch.set_num_threads(2)
    runs.resume(run, None, 1, READING, "cpu")
    assert torch.get_num_threads() == 1


def stopped_run(folder: Path) -> Path:
    trainer = Trainer(tiny_settings(), "cpu")
    loop.train(Pictures(16), folder, trainer, stop=lambda: trainer.step == 1)
    return folder / STATE


def flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:7],
        lambda content: b"",
        lambda content: b"\x00" * len(content),
        lambda content: content + b"more",
        lambda content: flip(content, 3),
        lambda content: flip(content, len(content) // 2),
        lambda content: flip(content, len(content) - 1),
        lambda content: b"\x80\x04" + content,
    ],
)
def test_a_damaged_state_is_told(tmp_path: Path, damage: object) -> None:
    state = stopped_run(tmp_path)
    state.write_bytes(damage(state.read_bytes()))  # type: ignore[operator]
    with pytest.raises(GanlabError, match="damaged") as caught:
        load_state(tmp_path, "cpu")
    assert str(state) in caught.value.message
    assert caught.value.hint


def test_a_flipped_bit_is_noticed_wherever_it_matters(tmp_path: Path) -> None:
    state = stopped_run(tmp_path)
    content, good = state.read_bytes(), load_state(tmp_path, "cpu")
    header = 8 + int.from_bytes(content[:8], "little")
    chance = random.Random(0)
    for place in chance.sample(range(header, len(content)), 25):
        state.write_bytes(flip(content, place))
        with pytest.raises(GanlabError, match="checksum"):
            load_state(tmp_path, "cpu")
    for place in chance.sample(range(8, header), 60):  # names, shapes and settings, in any order
        state.write_bytes(flip(content, place))
        try:
            loaded = load_state(tmp_path, "cpu")
        except GanlabError:
            continue
        assert (loaded.settings, loaded.step) == (good.settings, good.step)
        assert torch.equal(loaded.generator.up4.conv.weight, good.generator.up4.conv.weight)


@pytest.mark.parametrize("change", ["missing", "shape", "step", "settings", "adam"])
def test_a_state_that_does_not_fit_is_told(tmp_path: Path, change: str) -> None:
    state = stopped_run(tmp_path)
    with safe_open(state, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    del metadata["digest"]  # somebody edited it knowingly
    if change == "missing":
        del tensors["generator.up4.conv.weight"]
    elif change == "shape":
        tensors["generator.up4.conv.weight"] = torch.zeros(3)
    elif change == "step":
        metadata["step"] = "many"
    elif change == "settings":
        metadata["settings"] = "{"
    else:
        tensors["adam.generator.0.exp_avg"] = torch.zeros(5, 5)
    save_file(tensors, state, metadata)
    with pytest.raises(GanlabError, match="damaged"):
        load_state(tmp_path, "cpu")


def test_a_state_too_large_for_the_memory_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    stopped_run(tmp_path)
    for place in ("Trainer", "_restore"):
        with monkeypatch.context() as patched:
            patched.setattr(state_module, place, no_room)
            with pytest.raises(GanlabError, match="do not fit into memory"):
                load_state(tmp_path, "cpu")


def test_a_state_without_a_checksum_is_read(tmp_path: Path) -> None:
    state = stopped_run(tmp_path)
    with safe_open(state, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    del metadata["digest"]
    save_file(tensors, state, metadata)
    assert load_state(tmp_path, "cpu").step == 1


def test_equal_states_are_equal_bytes(tmp_path: Path) -> None:
    """Else nobody could tell with cmp that a resumed run equals one that was never interrupted."""
    trainer = Trainer(tiny_settings(data="Zimmer/größer"), "cpu")
    states = set()
    for number in range(8):  # safetensors itself writes metadata in a new order each time
        save_state(trainer, tmp_path / str(number))
        states.add((tmp_path / str(number) / STATE).read_bytes())
    assert len(states) == 1
    assert load_state(tmp_path / "0", "cpu").settings == trainer.settings


def test_no_state_is_told(tmp_path: Path) -> None:
    for run in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(GanlabError, match="no training state"):
            load_state(run, "cpu")


# the disk


def test_a_full_disk_keeps_the_old_state(tmp_path: Path) -> None:
    child = Child(tmp_path, children.train_until_the_disk_is_full, tmp_path / "run")
    assert child.wait() == 2, child.output
    assert "could not be written" in child.output
    assert "File too large" in child.output
    assert load_state(tmp_path / "run", "cpu").step == 5
    assert not list((tmp_path / "run").glob(".*"))


def test_a_run_that_could_not_begin_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "runs").mkdir()
    monkeypatch.setattr("os.fsync", no_room)
    with pytest.raises(GanlabError, match="No space left"):
        save_state(Trainer(tiny_settings(), "cpu"), tmp_path / "runs/train/run")
    assert list(tmp_path.rglob("*")) == [tmp_path / "runs"]


@pytest.mark.parametrize("what", ["history.csv", "epochs", "samples", STATE])
def test_whatever_cannot_be_written_is_told(tmp_path: Path, what: str) -> None:
    """A folder or a file stands where the run wants to write."""
    trainer = Trainer(tiny_settings(), "cpu")

    def stand_in_the_way() -> bool:
        if trainer.step == 1:
            place = tmp_path / what
            if what in ("epochs", "samples"):
                place.write_text("")
            else:
                place.unlink()
                (place / "inside").mkdir(parents=True)
        return False

    with pytest.raises(GanlabError, match=r"written|write"):
        loop.train(Pictures(16), tmp_path, trainer, stop=stand_in_the_way)


def test_a_state_is_never_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one replaces the old one in one step, after it is whole and on the disk."""
    trainer = Trainer(tiny_settings(), "cpu")
    save_state(trainer, tmp_path)
    before = (tmp_path / STATE).read_bytes()
    steps: list[str] = []

    def fsync(number: int) -> None:
        steps.append("fsync")
        assert (tmp_path / STATE).read_bytes() == before

    def swap(source: Path, target: Path) -> None:
        steps.append("replace")
        assert len(source.read_bytes()) == len(before)
        source.rename(target)

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr("os.replace", swap)
    trainer.step = 9
    save_state(trainer, tmp_path)
    assert steps == ["fsync", "replace"]
    assert load_state(tmp_path, "cpu").step == 9
