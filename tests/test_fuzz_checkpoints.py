"""Damaged and hostile checkpoints end in a sentence or load harmlessly (more of them: benchmarks/recovery/fuzz.py)."""

from __future__ import annotations

import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch

from ganlab import GanlabError, load_gan
from ganlab.recovery.chaining import skeletons
from ganlab.recovery.discriminators import discriminator_of
from ganlab.recovery.hypotheses import Known
from ganlab.recovery.parts import parts_of
from ganlab.recovery.simulate import MOST_NUMBERS, run
from ganlab.recovery.stored import StoredNetwork
from tests.mutation_audit import opened, watched
from tests.mutation_seeds import Seed, seeds, state, torch_saved
from tests.mutations import make
from tests.mutations_hostile import Calls, callings, in_torch_zip

pytestmark = pytest.mark.usefixtures("one_thread")
FEW, MANY, AT_ONCE = 144, 600, 12


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: f"{seed.format}-{seed.opened}")
def test_the_whole_ones_are_read(tmp_path: Path, seed: Seed) -> None:
    """Else damage would prove nothing: all but two are networks, and those two are read as far as they go."""
    for name, content in seed.files.items():
        (tmp_path / name).write_bytes(content)
    if seed.format in ("plain pickle", "tensorflow") or "alone" in seed.opened:
        with pytest.raises(GanlabError, match=r"no PyTorch file|fit none|holds a"):
            load_gan(str(tmp_path / seed.opened))
    else:
        load_gan(str(tmp_path / seed.opened))


def check(first: int, folder: Path) -> None:
    for number in range(first, first + AT_ONCE):
        inside = folder / str(number)
        inside.mkdir()
        case = make(number, inside)
        outcome, words = opened(case)
        assert outcome in ("loaded", "told"), f"{number}, {case.format}, {case.what}: {words}"


@pytest.mark.parametrize("first", range(0, FEW, AT_ONCE))
def test_some(first: int, tmp_path: Path) -> None:
    check(first, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FEW, FEW + MANY, AT_ONCE))
def test_many(first: int, tmp_path: Path) -> None:
    check(first, tmp_path)


def test_a_reader_that_was_not_prepared_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other people's plugins read checkpoints, too."""
    torch.save(state(), tmp_path / "generator.pth")

    def fails(*anything: Any) -> Any:
        raise IndexError("too far")

    for name in ("ganlab.checkpoints.pytorch.parts_of", "ganlab.recovery.recover.recover"):
        with monkeypatch.context() as patched:
            patched.setattr(name, fails)
            with pytest.raises(GanlabError, match=r"'pytorch', was not prepared for \(IndexError: too far\)") as told:
                load_gan(str(tmp_path / "generator.pth"))
            assert isinstance(told.value.__cause__, IndexError)


def test_the_watch_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other tests would catch is caught."""
    deeds: list[Callable[[], Any]] = [
        lambda: os.system("true"),
        lambda: subprocess.run(["true"], check=True),
        lambda: open(tmp_path / "new", "w").close(),
        lambda: os.remove(tmp_path / "new"),
    ]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    for deed in deeds:
        with watched() as done:
            deed()
        assert done
    with watched() as done:
        (tmp_path / "new").exists()
    assert not done


@pytest.mark.parametrize("number", range(len(callings(Path("x")))))
def test_no_call_of_a_pickle_is_made(number: int, tmp_path: Path) -> None:
    """Not of any function, alone, among weights, or through one that readers know."""
    canary = tmp_path / "canary"
    call = callings(canary)[number]
    for place, content in enumerate(
        [pickle.dumps(call), torch_saved({**state(), "more": call}), torch_saved(call, legacy=True)]
    ):
        path = tmp_path / f"{place}.pth"
        path.write_bytes(content)
        with watched() as done, pytest.raises(GanlabError):
            load_gan(str(path))
        assert not done
        assert not canary.exists()


def test_the_calls_are_live(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {tmp_path / 'canary'}")))
    assert (tmp_path / "canary").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is told in KiB there")
def test_numbers_that_are_not_stored_are_not_allocated(tmp_path: Path) -> None:
    weights = {"0.weight": torch.zeros(1).expand(4096, 4096, 4, 4), "1.weight": torch.zeros(1).expand(2**20, 2**20)}
    torch.save(weights, tmp_path / "generator.pth")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(GanlabError, match="claims 268,435,456 numbers and holds 1"):
        load_gan(str(tmp_path / "generator.pth"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18


def test_an_absurd_memory_of_a_pickle_is_not_made(tmp_path: Path) -> None:
    """A pickle may say that it remembers a thing under any number; the unpickler in C makes room for so many."""
    path = tmp_path / "generator.pkl"
    for content in (b"\x80\x02]r\xff\xff\xff\x7f.", in_torch_zip(b"\x80\x02]r\xff\xff\xff\x7f.")):
        path.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(GanlabError):
            load_gan(str(path))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18


def test_wide_layers_are_run_on_fewer_inputs() -> None:
    """As many pictures as memory is sure to hold."""
    table = {"kind": "upsample", "factor": 64, "mode": "nearest"}
    assert run(((table, None),), torch.zeros(1024, 4, 4, 4)).shape == (MOST_NUMBERS // (4 * 256**2), 4, 256, 256)
    with pytest.raises(GanlabError, match="268,435,456 numbers for one picture"):
        run((({**table, "factor": 2048}, None),), torch.zeros(1, 4, 4, 4))


@pytest.mark.parametrize("name", ["{}/weight", "l{}", "l/{}/vars/0"])
def test_hdf5_of_thousands_of_things_is_told_in_time(name: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "generator.h5", "w") as file:
        for number in range(3500):
            file[name.format(number)] = 0.0
    with pytest.raises(GanlabError, match=r"names|groups"):
        load_gan(str(tmp_path / "generator.h5"))


def test_layers_that_do_not_fit_are_told() -> None:
    with pytest.raises(GanlabError, match="'reshape' cannot follow"):
        run((({"kind": "reshape", "shape": [5, 5]}, None),), torch.zeros(2, 4))


def test_weight_normalisation_of_a_convolution_is_multiplied_out() -> None:
    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv2d(3, 4, 5))
    (part,) = parts_of(layer.state_dict())
    torch.testing.assert_close(part.tensors["weight"], layer.weight.detach())


def test_layers_that_lead_nowhere_are_told_in_time() -> None:
    """So many convolutions could be strided in 3**36 ways; none of them leads to the last layer."""
    weights = {f"{number}.weight": torch.ones(3, 3, 3, 3) for number in range(36)}
    weights["36.weight"] = torch.ones(1, 3 * 97**2)
    with pytest.raises(GanlabError, match="do not lead"):
        discriminator_of(skeletons(StoredNetwork("", parts_of(weights), side="discriminator"))[0], {}, 64, Known())


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({f"{number}.weight": torch.ones(8, 8, 3, 3) for number in range(100)}, "100 layers"),
        (dict.fromkeys(map(str, range(6000)), torch.ones(2, 2)), "6,000 tensors"),
        ({"0.weight": torch.ones(8, 6, 3, 5), "1.weight": torch.ones(6, 3, 4, 4)}, "8x6x3x5"),
        ({"0.weight": torch.ones(8, 6, 4, 4).to_sparse()}, "no plain numbers"),
        ({"0.weight": torch.ones(8, 6, 4, 4).to("meta")}, "no plain numbers"),
        ({"0.weight": torch.ones(8, 6, 4, 4, dtype=torch.complex64)}, "complex64"),
        ({"0.weight": torch.ones(8, 6, 4, 4) / 0}, "NaN or infinity"),
        ({"0.weight": torch.ones(8, 6, 0, 0), "1.weight": torch.ones(6, 3, 4, 4)}, "8x6x0x0"),
        ({"0.weight_orig": torch.ones(8, 6, 4, 4), "0.weight_u": torch.ones(5)}, "does not fit together"),
    ],
)
def test_weights_of_no_gan_are_told(weights: dict[str, torch.Tensor], words: str, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "generator.pth")
    with pytest.raises(GanlabError, match=words):
        load_gan(str(tmp_path / "generator.pth"))
