"""Options that training code keeps beside its weights: they are no obstacle, no attribute, and are written again."""

from __future__ import annotations

import pickle
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import torch

from ganlab import load_gan
from ganlab.checkpoints import pytorch
from ganlab.checkpoints.options_beside import SealedOptions
from ganlab.checkpoints.pickles import plain_pickle
from tests.door_kit import KNOWN, Pair, draws_as, refused

pytestmark = pytest.mark.usefixtures("one_thread")
MODULE = "from tests.door_kit import Generator\ndef fresh(): return Generator()\n"


@pytest.mark.parametrize("legacy", [False, True])
def test_a_training_state_with_options_opens(
    made: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, legacy: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"beside_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    options = Namespace(nz=16, lr=2e-4, resume=None, more=Namespace(words=["a"]))
    state = {"netG": made.generator.state_dict(), "netD": made.discriminator.state_dict(), "args": options}
    torch.save(state, "train.pth", _use_new_zipfile_serialization=not legacy)
    assert draws_as(load_gan("train.pth", **KNOWN), made.generator)
    assert draws_as(load_gan(f"{name}:fresh+train.pth"), made.generator)
    again = pytorch.rewrite(tmp_path / "train.pth", "b.pth", lambda key, values: values)["b.pth"]
    (tmp_path / "b.pth").write_bytes(again)
    assert torch.load("b.pth", weights_only=False)["args"] == options  # as its own code opens it
    assert draws_as(load_gan("b.pth", **KNOWN), made.generator)


class Once:
    """Pickles as what it is given, called, and then given states."""

    def __init__(self, called: Any, arguments: tuple[Any, ...], state: Any = None) -> None:
        self.reduced = (called, arguments, state)

    def __reduce__(self) -> Any:
        return self.reduced


def test_options_stay_inert(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    hostile = {"__setstate__": torch.Size, "__class__": torch.Size, "_state": 1, "__reduce__": torch.Size, "nz": 3}
    torch.save({"args": Once(Namespace, (), hostile)}, tmp_path / "a.pth")
    held = pytorch.read(tmp_path / "a.pth")["args"]
    assert type(held) is SealedOptions
    assert not hasattr(held, "nz")
    assert not hasattr(held, "__dict__")
    assert held.__reduce__() == (Namespace, (), hostile)
    torch.save({"args": Once(Namespace, (1,))}, tmp_path / "b.pth")
    refused(tmp_path / "b.pth", "no weights")
    torch.save({"args": Namespace(x=Once(Path.write_text, (evidence, "it ran")))}, tmp_path / "c.pth")
    refused(tmp_path / "c.pth", "pickles whole objects")
    assert not evidence.exists()


def test_plain_pickles_know_no_options() -> None:
    with pytest.raises(Exception, match=r"argparse\.Namespace"):
        plain_pickle(pickle.dumps({"args": Namespace()}, 2))
