"""A run goes on exactly where it was, whatever stopped it."""

from __future__ import annotations

import csv
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

from ganlab.architectures.dcgan import DcganSettings
from ganlab.architectures.mlp import MlpSettings
from ganlab.architectures.settings import NetworkSettings
from ganlab.errors import GanlabError
from ganlab.training import loop
from ganlab.training.settings import TrainSettings
from ganlab.training.state import STATE, load_state
from ganlab.training.trainer import Trainer
from tests import children
from tests.children import Child
from tests.kit import Pictures, smooth_pictures, tiny_settings, tree
from tests.resume_kit import EPOCHS, STEPS, pictures_file, steps_noted

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


@pytest.fixture
def data(tmp_path: Path) -> str:
    return pictures_file(tmp_path)


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
    "changes",
    [
        {},
        {"flip": True, "noise": 0.1, "average": 0.9, "decay_epochs": 1, "weight_decay": 0.1},
        {**TOLD, "average": 0.9},
        BASELINE,
    ],
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
    with pytest.raises(GanlabError, match="at least one epoch, not 0"):
        load_state(tmp_path / "one", "cpu", epochs=0)


def test_more_epochs_are_remembered_at_once(tmp_path: Path) -> None:
    pictures, run = Pictures(16), tmp_path / "run"
    loop.train(pictures, run, Trainer(tiny_settings(epochs=1), "cpu"))

    def kill() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.train(pictures, run, load_state(run, "cpu", epochs=3), stop=kill)
    again = load_state(run, "cpu")
    assert (again.settings.epochs, again.step) == (3, 2)
    loop.train(pictures, tmp_path / "whole", Trainer(tiny_settings(epochs=3), "cpu"))
    assert loop.train(pictures, run, again)
    assert (run / STATE).read_bytes() == (tmp_path / "whole" / STATE).read_bytes()


@pytest.mark.parametrize("epochs", [2, 3], ids=["a finished run", "a run that goes on"])
@pytest.mark.parametrize("damage", ["empty", "missing"])
def test_a_last_epoch_that_does_not_open_is_written_again(
    tmp_path: Path, epochs: int, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, run, whole = Pictures(16), tmp_path / "run", tmp_path / "whole"
    for folder in (run, whole):
        loop.train(pictures, folder, Trainer(tiny_settings(epochs=2, average=0.9), "cpu"))
    checkpoint, samples = run / "epochs" / "0002", run / "samples" / "epoch-0002.png"
    if damage == "empty":
        (checkpoint / "weights.safetensors").write_bytes(b"")
    else:
        shutil.rmtree(checkpoint)
    samples.write_bytes(b"")
    assert loop.train(pictures, run, load_state(run, "cpu", epochs=epochs))
    assert f"{checkpoint} is written again from the state" in capsys.readouterr().err
    for file in ("epochs/0002/weights.safetensors", "epochs/0002/card.toml", "samples/epoch-0002.png"):
        written, wanted = (folder / file for folder in (run, whole))
        assert written.read_bytes().replace(b'"run"', b'"whole"') == wanted.read_bytes(), file
    assert loop.train(pictures, run, load_state(run, "cpu"))
    assert capsys.readouterr().err == ""  # what opens stays


def test_fewer_epochs_than_are_begun_are_refused(tmp_path: Path) -> None:
    pictures, trainer = Pictures(16), Trainer(tiny_settings(epochs=4), "cpu")
    loop.train(pictures, tmp_path, trainer, stop=lambda: trainer.step == 5)
    before = (tmp_path / STATE).read_bytes()
    with pytest.raises(GanlabError, match="has begun epoch 3 and cannot end after 2") as refused:
        loop.train(pictures, tmp_path, load_state(tmp_path, "cpu", epochs=2))
    assert "epochs/0002" in refused.value.hint
    assert (tmp_path / STATE).read_bytes() == before
    assert loop.train(pictures, tmp_path, load_state(tmp_path, "cpu", epochs=3))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_saves_its_state_and_goes_on(tmp_path: Path, data: str, number: signal.Signals) -> None:
    run = tmp_path / "run"
    words = ["train", data, "--size", "16", "--width", "4", "--z-dim", "10", "--batch", "8", "--epochs", "1000"]
    child = Child(tmp_path, children.command_line, *words, "--out", str(run))
    history = run / "history.csv"
    assert child.wait_for(lambda: history.exists() and history.read_text().count("\n") > 10), child.output
    assert child.signal(number) == 128 + number
    assert f"ganlab train --resume {run}" in child.output
    assert "Traceback" not in child.output
    done = steps_noted(run)
    assert done >= 10  # states are minutes apart: this one was written because of the signal
    assert history.read_text().count("\n") == done + 1
    epochs = str(done // 8 + 1)
    again = Child(tmp_path, children.command_line, "train", "--resume", str(run), "--epochs", epochs)
    assert again.wait() == 0, again.output
    assert steps_noted(run) == 8 * int(epochs)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_before_training_begins_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    run = tmp_path / "runs" / "run"
    child = Child(tmp_path, children.command_line, "train", "rooms:20000", "--workers", "1", "--out", str(run))
    assert child.wait_for(run.is_dir), child.output
    assert child.signal(number) == 128 + number
    assert "Traceback" not in child.output
    assert not run.parent.exists()


def test_a_run_is_resumable_from_its_first_moment(tmp_path: Path) -> None:
    trainer = Trainer(tiny_settings(), "cpu")

    def advance(pictures: np.ndarray, labels: np.ndarray | None, lr: float) -> None:
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
