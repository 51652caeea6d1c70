"""Edited GANs written back into every format: the same networks when read again, and all else as it was."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ganlab import Gan, load_gan, save_gan
from ganlab.checkpoints.exporting import export_gan
from ganlab.plugins import host
from ganlab_formats import keras_files, tf_checkpoint, theano_dcgan
from tests.export_files_kit import (
    CASES,
    Case,
    arrays_in,
    dumps,
    equal,
    every_format,
    keras,
    renamed,
    t7,
    torch_hdf5,
    write_dumps,
    write_state,
    write_t7,
)
from tests.export_kit import changed_everywhere, gan_of, same_networks, with_layers_of
from tests.kit import command

pytestmark = pytest.mark.usefixtures("one_thread")


@every_format
def test_what_is_not_edited_is_written_as_it_was(case: Case, tmp_path: Path) -> None:
    bring, opened, name = case
    like = bring(tmp_path)
    exported = export_gan(opened(like), like, tmp_path / "out" / name)
    assert exported.changed == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == set(exported.files)
    for file in exported.files:
        old, new = tmp_path / renamed(file, like), tmp_path / "out" / file
        assert equal(arrays_in(old), arrays_in(new))
        if old.suffix not in (".keras", ".npz"):  # zips may be packed otherwise
            assert old.read_bytes() == new.read_bytes()


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="the system does not list what is mapped")
def test_a_copy_is_let_go_before_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows removes no file that is mapped."""
    bring, opened, name = CASES["safetensors"]
    like, mapped = bring(tmp_path), []
    leave = tempfile.TemporaryDirectory.__exit__

    def left(folder: tempfile.TemporaryDirectory[str], *error: Any) -> None:
        mapped.append(folder.name in Path("/proc/self/maps").read_text())
        leave(folder, *error)

    monkeypatch.setattr(tempfile.TemporaryDirectory, "__exit__", left)
    export_gan(changed_everywhere(opened(like)), like, tmp_path / "out" / name)
    assert set(mapped) == {False}


@every_format
def test_every_number_comes_back(case: Case, tmp_path: Path) -> None:
    bring, opened, name = case
    like = bring(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    gan = opened(like)
    if "snapshot" in like.name:  # what its discriminator's norm does without is no number of the file
        edited = changed_everywhere(gan, "conv.weight")
    elif "params" in like.name:  # it holds no statistics
        edited = changed_everywhere(changed_everywhere(gan, "weight"), "bias")
    else:
        edited = changed_everywhere(gan)
    assert not same_networks(gan, edited, 1e-3)
    exported = export_gan(edited, like, tmp_path / "out" / name)
    assert exported.changed > 2
    assert same_networks(opened(tmp_path / "out" / name), edited)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()} == before
    for file in exported.files:
        old, new = arrays_in(tmp_path / renamed(file, like)), arrays_in(tmp_path / "out" / file)
        assert list(old) == list(new)
        for array in old:
            assert getattr(old[array], "dtype", None) == getattr(new[array], "dtype", None)
            assert np.shape(old[array]) == np.shape(new[array])
            if "optimizer" in array:
                assert np.array_equal(old[array], new[array])


def test_removed_filters_stay_removed(tmp_path: Path) -> None:
    like = write_t7(tmp_path)
    gan = t7(like)
    edited = gan.without(gan.hidden_layers()[0].name, [1])
    exported = export_gan(edited, like, tmp_path / "new.t7")
    assert (exported.changed, exported.not_stored) == (1, ())
    latents = gan.latents(4)
    assert (t7(tmp_path / "new.t7").generate(latents) - edited.generate(latents)).abs().max() <= 1e-6


def test_statistics_that_are_as_they_begin_are_told_as_not_stored_too(tmp_path: Path) -> None:
    like = write_dumps(tmp_path)
    gan = dumps(like)
    started = copy.deepcopy(gan)
    for name, values in started.network("generator").state_dict().items():
        if name.endswith("running_mean"):
            values.zero_()
    exported = [
        export_gan(one, like, tmp_path / f"{number}_gen_params.jl") for number, one in enumerate((gan, started))
    ]
    assert exported[0].not_stored == exported[1].not_stored
    assert any(name.endswith("running_mean") for name in exported[1].not_stored)


def test_theano_dumps_name_their_new_files(tmp_path: Path) -> None:
    like = write_dumps(tmp_path)
    exported = export_gan(dumps(like), like, tmp_path / "without windows é_gen_params.jl")
    assert len(exported.files) == 7 + 5 + 2
    assert all(name.startswith("without windows é_") for name in exported.files)
    assert {name.rpartition(".")[0] for name in exported.not_stored} == {"up4.norm", "up8.norm", "down4.norm"}
    for file in tmp_path.glob("9_*"):
        file.unlink()
    assert len(theano_dcgan.load(tmp_path / "without windows é_gen_params.jl").networks) == 2


def test_precision_of_what_is_not_edited_is_kept(tmp_path: Path) -> None:
    like = write_state(tmp_path)
    gan = torch_hdf5(like)
    edited = copy.deepcopy(gan)
    edited.generator.state_dict()["output.conv.weight"][0, 0, 0, 0] = 3
    export_gan(edited, like, tmp_path / "new.h5")
    old, new = arrays_in(like)["main.6.weight:"], arrays_in(tmp_path / "new.h5")["main.6.weight:"]
    assert new.dtype == np.float64
    assert np.argwhere(old != new).tolist() == [[0, 0, 0, 0]]
    assert new[0, 0, 0, 0] == 3


def test_a_format_that_somebody_else_brings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The one in docs/plugins.md."""
    page = (Path(__file__).parents[1] / "docs/plugins.md").read_text(encoding="utf-8")
    (example,) = [text for text in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def rewrite" in text]
    (tmp_path / "somebodys.py").write_text(example)
    draw = torch.Generator().manual_seed(0)
    sizes = {"0.weight": (32, 8), "0.bias": (32,), "1.weight": (256, 32), "1.bias": (256,)}
    before = {key: torch.randn(size, generator=draw) / 4 for key, size in sizes.items()}
    save_file(before, tmp_path / "net.matrices")

    def run(*words: object) -> None:
        try:
            ended = command(capsys, "--plugin", tmp_path / "somebodys.py", "checkpoints", *words)
        finally:
            host.cache_clear()  # of the next command, and the next test
        assert ended.code == 0, ended.err

    said = ("--z", "normal", "--activation", "relu", "--output", "tanh", "--image-size", "16")
    run("convert", tmp_path / "net.matrices", "--out", tmp_path / "mine", *said)
    gan = load_gan(str(tmp_path / "mine"))
    save_gan(gan.without("dense1.act", [1, 5]), tmp_path / "edited")
    run("export", tmp_path / "edited", "--like", tmp_path / "net.matrices", "--out", tmp_path / "new.matrices")
    after = load_file(tmp_path / "new.matrices")
    before["1.weight"][:, [1, 5]] = 0
    assert all(torch.equal(after[key], values) for key, values in before.items())


# real files


def anime(path: Path, real: Path) -> Gan:
    """Of two trainings of one network, saved in two formats, one states the layers."""
    return gan_of(
        with_layers_of(tf_checkpoint.load(path), keras_files.load(real / "anime64-keras-and-tf/generator.h5"))
    )


REAL: dict[str, tuple[str, Callable[[Path, Path], Gan]]] = {
    "keras": ("anime64-keras-and-tf/generator.h5", lambda path, _: keras(path)),
    "keras zip": ("mnist28-keras-zip/generator.keras", lambda path, _: keras(path)),
    "tensorflow": ("anime64-keras-and-tf/generator_weights", anime),
    "theano": ("svhn32-theano/200_gen_params.jl", lambda path, _: dumps(path)),
}


@pytest.mark.parametrize("case", REAL.values(), ids=REAL)
def test_real_files(case: tuple[str, Callable[[Path, Path], Gan]], shared_data: Path, tmp_path: Path) -> None:
    name, opened = case
    like = shared_data / "checkpoints" / name
    gan = opened(like, shared_data / "checkpoints")
    same = export_gan(gan, like, tmp_path / "same" / like.name)
    assert same.changed == 0
    for file in same.files:
        assert equal(arrays_in(like.with_name(file)), arrays_in(tmp_path / "same" / file))
    edited = changed_everywhere(gan, "output.conv.weight")
    assert export_gan(edited, like, tmp_path / "new" / like.name).changed == 1
    assert same_networks(opened(tmp_path / "new" / like.name, shared_data / "checkpoints"), edited)
