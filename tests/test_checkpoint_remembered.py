"""What was worked out of a file of weights is found again by the next command, for the same file and answers only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ganlab import Gan, load_gan
from ganlab.checkpoints import remembered
from ganlab.locations import cache_folder


@pytest.fixture(autouse=True)
def all_is_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "WORTH", -1.0)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what was worked out since the test began."""
    from ganlab.recovery import recover as module

    names: list[str] = []
    real = module.recover

    def counted(stored: object, name: str, *more: object) -> Gan:
        names.append(name)
        return real(stored, name, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "recover", counted)
    return names


def kept() -> list[Path]:
    return sorted((cache_folder() / "recovered").iterdir())


def test_it_is_worked_out_once_and_is_the_same_gan(saved: Path, worked: list[str]) -> None:
    first, second = load_gan(str(saved)), load_gan(str(saved))
    assert len(worked) == len(kept()) == 1
    assert second.hash == first.hash
    assert second.card == first.card
    assert second.folder is first.folder is None
    assert (second.prior, second.image) == (first.prior, first.image)
    assert torch.equal(first.generate(first.latents(3)), second.generate(second.latents(3)))


def test_opening_it_again_imports_no_compiler(saved: Path) -> None:
    first = load_gan(str(saved))
    code = (
        "import sys, torch; before = set(sys.modules); import ganlab; from ganlab.recovery import recover;"
        "recover.recover = None;"  # nothing is worked out again
        f"gan = ganlab.load_gan({str(saved)!r}); new = set(sys.modules) - before;"
        "print(gan.hash, sorted({'torch._dynamo', 'sympy'} & new))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{first.hash} []\n"


def test_other_answers_names_and_weights_are_worked_out_anew(saved: Path, worked: list[str]) -> None:
    spec = str(saved / "netG.pth")
    load_gan(spec)
    assert load_gan(spec, output="sigmoid").image.low == 0
    card = saved / "card.toml"
    card.write_text('summary = "one"\n')
    assert load_gan(spec, card=card).card.summary == "one"
    card.write_text('summary = "two"\n')
    assert load_gan(spec, card=card).card.summary == "two"
    shutil.copy(spec, saved / "other.pth")
    assert load_gan(str(saved / "other.pth")).name == "other"
    weights = torch.load(spec, weights_only=True)
    next(iter(weights.values()))[0, 0, 0, 0] += 1
    torch.save(weights, spec)
    before = len(worked)
    load_gan(spec)
    assert len(worked) == before + 1 == 6


def test_a_damaged_or_unwritable_cache_costs_time_only(
    saved: Path, worked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = str(saved / "netG.pth")
    wanted = load_gan(spec).hash
    (folder,) = kept()
    (folder / "weights.safetensors").write_bytes(b"damaged")
    assert load_gan(spec).hash == wanted
    assert load_gan(spec).hash == wanted
    assert len(worked) == 2  # what was damaged has been replaced
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "file"))
    assert load_gan(spec).hash == wanted


def test_those_that_nobody_opens_go(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 2)
    spec = str(saved / "netG.pth")
    load_gan(spec, z="normal")
    (first,) = kept()
    load_gan(spec, z="uniform")
    load_gan(spec, z="normal")  # opened again: the other is the older one now
    load_gan(spec, output="sigmoid")
    assert len(kept()) == 2
    assert first in kept()


def test_what_killed_processes_were_writing_goes(saved: Path) -> None:
    folder = cache_folder() / "recovered"
    old, new = folder / ".ganlab-unfinished-1-a", folder / ".ganlab-unfinished-2-b"
    for path in (old, new):
        path.mkdir(parents=True)
        (path / "weights.safetensors").write_bytes(b"half")
    os.utime(old, (time.time() - 4000,) * 2)
    load_gan(str(saved / "netG.pth"))
    assert new.exists()  # it may have an owner
    assert not old.exists()


def test_there_is_room_for_so_many_bytes_only(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = str(saved / "netG.pth")
    load_gan(spec, z="normal")
    size = sum(file.stat().st_size for file in kept()[0].iterdir())
    monkeypatch.setattr(remembered, "ROOM", size * 3 // 2)
    load_gan(spec, z="uniform")
    assert len(kept()) == 1
    monkeypatch.setattr(remembered, "ROOM", size // 2)
    assert load_gan(spec, output="sigmoid").generator is not None
    assert kept() == []


def test_what_is_quick_is_not_kept(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "WORTH", 3600)
    load_gan(str(saved / "netG.pth"))
    assert not (cache_folder() / "recovered").exists()
