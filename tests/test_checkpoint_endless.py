"""Small files that would take for ever, or all memory: refused at once, however they are wrapped."""

from __future__ import annotations

import pickle
import zipfile
from collections import Counter, OrderedDict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganlab import GanlabError, plain_pickle
from ganlab.checkpoints import pytorch
from ganlab.checkpoints.careful import LARGEST_KEY, MOST_NUMBERS, Careful, look_through

DOUBLED = b")" + b"2\x86" * 45  # a tuple of twice the one before: hashed in 2 ** 45 steps
DEEP = b")" + b"\x85" * 1000
REMEMBERED = b")" + b"q\x00h\x00h\x00\x86" * 45  # the same by the memory, which torch's reader knows
ENDLESS = {
    "key": b"\x80\x02}" + DOUBLED + b"K\x01s.",
    "remembered": b"\x80\x02}" + REMEMBERED + b"K\x01s.",
    "deep": b"\x80\x02}" + DEEP + b"K\x01s.",
    "keys": b"\x80\x02}(" + DOUBLED + b"K\x01u.",
    "dictionary": b"\x80\x02(" + DOUBLED + b"K\x01d.",
    "members": b"\x80\x04\x8f(" + DOUBLED + b"\x90.",
    "frozen": b"\x80\x04(" + DOUBLED + b"\x91.",
    "called set": b"\x80\x02cbuiltins\nset\n](" + DOUBLED + b"e\x85R.",
    "called pairs": b"\x80\x02cUserList\nOrderedDict\n](" + DOUBLED + b"K\x01\x86e\x85R.",
}


def in_a_zip(document: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (("data.pkl", document), ("version", b"3\n"), ("byteorder", b"little")):
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


@pytest.mark.parametrize("wrap", [bytes, in_a_zip], ids=["bare", "zip"])
@pytest.mark.parametrize("name", ENDLESS)
def test_tuples_without_end_are_refused(tmp_path: Path, name: str, wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.pth").write_bytes(wrap(ENDLESS[name]))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(GanlabError, match=r"a\.pth: The pickle holds tuples inside each other|pickles whole objects"):
        pytorch.read(tmp_path / "a.pth")
    if not name.startswith("called"):
        with pytest.raises(GanlabError, match="tuples inside each other"):
            plain_pickle(ENDLESS[name])


KEYS = {
    "tuple": {(1, (2, 3)): 3},
    "long": {tuple(range(17)): 3},
    "set": {(1, (2,))},
    "ordered": OrderedDict({(1, (2,)): 3}),
    "counter": Counter({(1, (2,)): 3}),
    "large": {LARGEST_KEY: 0},
    "negative": {-LARGEST_KEY: 0},
    "many": dict.fromkeys(range(MOST_NUMBERS + 1)),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("kind", KEYS)
def test_keys_that_collide_are_refused(kind: str, protocol: int) -> None:
    document = pickle.dumps(KEYS[kind], protocol)
    with pytest.raises(GanlabError, match=r"as the key of a dictionary or in a set|as keys of dictionaries"):
        look_through(document)
    if kind not in ("ordered", "counter") and (kind, protocol) not in (("set", 0), ("set", 2)):
        with pytest.raises(GanlabError, match=r"as the key of a dictionary or in a set|as keys of dictionaries"):
            Careful(BytesIO(document)).load()


COLLIDING = b"](" + b"".join(b"](\x8a\x09" + (k * LARGEST_KEY).to_bytes(9, "little") + b"K\x01e" for k in (1, 2)) + b"e"


@pytest.mark.parametrize("wrap", [bytes, in_a_zip], ids=["bare", "zip"])
def test_what_becomes_keys_in_roundabout_ways_is_refused(tmp_path: Path, wrap: Any) -> None:
    ways = {
        b"ccollections\nOrderedDict\n)R" + COLLIDING + b"b": "a number too large",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nset\nN" + COLLIDING + b"\x85NtR": "may take any memory",
    }
    for way, said in ways.items():
        (tmp_path / "a.pth").write_bytes(wrap(b"\x80\x02" + way + b"."))
        with pytest.raises(GanlabError, match=said):
            pytorch.read(tmp_path / "a.pth")


def test_what_training_keeps_is_not_refused(tmp_path: Path) -> None:
    """Optimizers number their parameters, those of old torch by address."""
    network = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.zeros(1, 2)).sum().backward()
    optimizer.step()
    more = {"sizes": ((4, 4), (8, 8)), 140234567890123: 1, None: 2, 0.5: {"x"}, True: torch.float32}
    more |= {("train", "loss"): 1.5, (64, 64): {("a", 1)}, float("inf"): 0, np.int64(3): 1, torch.device("cpu"): 2}
    more |= {"history": dict.fromkeys(range(40_000), 0.5), "pairs": tuple((k, k) for k in range(30_000))}
    state = {"model": network.state_dict(), "optimizer": optimizer.state_dict(), "more": more}
    for legacy in (False, True):
        torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
        held = pytorch.read(tmp_path / "a.pth")
        assert held["more"] == more
        assert held["optimizer"]["state"].keys() == {0, 1}


def test_many_keys_of_numpys_are_refused() -> None:
    """They are looked through without being read."""
    few, many = ({np.int64(k): 0 for k in range(count)} for count in (1000, 5000))
    look_through(pickle.dumps(few))
    with pytest.raises(GanlabError, match="too many numbers"):
        look_through(pickle.dumps(many))
