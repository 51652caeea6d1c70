"""The state of a run on the disk: the same bytes for the same state, never half there; damage is told."""

from __future__ import annotations

import errno
import gc
import random
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ganlab.errors import GanlabError
from ganlab.training import loop
from ganlab.training import state as state_module
from ganlab.training.state import STATE, load_state, save_state
from ganlab.training.trainer import Trainer
from tests import children
from tests.children import Child
from tests.kit import Pictures, tiny_settings

pytestmark = pytest.mark.usefixtures("no_plots", "one_thread")


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
    at = content.index(b'"digest"') + 1
    unnamed = range(at, at + len("digest"))  # there it leaves a state without a checksum, which is read as well
    for place in set(chance.sample(range(8, header), 60)) - set(unnamed):  # names, shapes and settings, in any order
        state.write_bytes(flip(content, place))
        with pytest.raises(GanlabError):
            load_state(tmp_path, "cpu")
    for place in unnamed:
        state.write_bytes(flip(content, place))
        loaded = load_state(tmp_path, "cpu")
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


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="the system does not list what is mapped")
def test_nothing_of_a_trainer_lies_in_its_file(tmp_path: Path) -> None:
    """Windows replaces no file that is mapped: the run could go on, and never save again."""
    trainer = Trainer(tiny_settings(average=0.9), "cpu")
    loop.train(Pictures(16), tmp_path, trainer, stop=lambda: trainer.step == 1)
    trainer = load_state(tmp_path, "cpu")
    gc.collect()
    assert str(tmp_path / STATE) not in Path("/proc/self/maps").read_text()
    assert trainer.step == 1


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
        assert ((tmp_path / STATE).read_bytes() == before) == ("replace" not in steps)
        steps.append("fsync")

    def swap(source: Path, target: Path) -> None:
        steps.append("replace")
        assert len(source.read_bytes()) == len(before)
        source.rename(target)

    monkeypatch.setattr("os.fsync", fsync)
    monkeypatch.setattr("os.replace", swap)
    trainer.step = 9
    save_state(trainer, tmp_path)
    assert steps == ["fsync", "replace", "fsync"]  # of the file, then of its name
    assert load_state(tmp_path, "cpu").step == 9
