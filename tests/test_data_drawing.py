"""Data sets drawn by child processes: the same pictures, the same errors, nobody left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from ganlab.data import Dataset, drawing, sources
from ganlab.data.drawing import Painters
from ganlab.data.packing import pack
from ganlab.data.sources import DrawnImages

PLUGIN = """
import os
import numpy as np

def draw(index, size):
    print("a plugin that talks")
    return np.random.default_rng(index).integers(0, 256, (size, size, 3), dtype=np.uint8)

def who(index, size):
    return np.full((size, size, 3), list(os.getpid().to_bytes(4, "little")[:3]), np.uint8)

def fails(index, size):
    if index == 20:
        raise LookupError("no such room")
    return draw(index, size)

def falls(index, size):
    if os.environ.get("PARENT") != str(os.getpid()) and index == 20:
        os._exit(1)
    return draw(index, size)
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "drawing_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "drawing_plugin", raising=False)
    monkeypatch.setattr(sources, "WORTH_PROCESSES", 1)
    import drawing_plugin

    return drawing_plugin


def images(function: drawing.Draw, count: int = 40) -> DrawnImages:
    return DrawnImages(Dataset("set", "", "1", count, function), count, "set")


def test_children_draw_the_same_pictures(plugin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganlab.data.reading.PART_BYTES", 8 * 8 * 3 * 7)
    here = pack(images(plugin.draw), 8, 3, cache=tmp_path / "one", workers=0)
    there = pack(images(plugin.draw), 8, 3, cache=tmp_path / "two", workers=2)
    assert there.fingerprint == here.fingerprint
    assert (there.array[7] == plugin.draw(7, 8)).all()
    who = pack(images(plugin.who), 8, 3, cache=tmp_path / "who", workers=2).array[:, 0, 0]
    own = list(os.getpid().to_bytes(4, "little")[:3])
    assert not any(list(pid) == own for pid in who)


def test_what_cannot_be_sent_is_drawn_here(plugin: ModuleType, tmp_path: Path) -> None:
    def closure(index: int, size: int) -> np.ndarray:
        return np.full((size, size, 3), index, np.uint8)

    packed = pack(images(closure), 8, 3, cache=tmp_path / "cache", workers=2)
    assert packed.array[:, 0, 0, 0].tolist() == list(range(40))


def test_a_plugin_that_the_child_does_not_find_is_drawn_here(plugin: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "drawing_plugin.py").unlink()
    for cached in (tmp_path / "__pycache__").glob("*"):
        cached.unlink()
    assert len(pack(images(plugin.draw), 8, 3, cache=tmp_path / "cache", workers=2)) == 40


def test_an_error_is_raised_here(plugin: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LookupError, match="no such room"):
        pack(images(plugin.fails), 8, 3, cache=tmp_path / "cache", workers=2)
    assert "Traceback" not in capfd.readouterr().err
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_child_that_dies_is_replaced(plugin: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARENT", str(os.getpid()))
    packed = pack(images(plugin.falls), 8, 3, cache=tmp_path / "cache", workers=2)
    assert (packed.array[20] == plugin.draw(20, 8)).all()


def test_children_end_with_the_block(plugin: ModuleType) -> None:
    with Painters(plugin.draw, 2) as painters:
        painters.draw(range(3), 8)
        started = list(painters.started)
        assert len(started) == 1
    assert all(painter.process.poll() is not None for painter in started)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_children_end_with_a_killed_parent(plugin: ModuleType, tmp_path: Path) -> None:
    code = (
        "import os, signal, drawing_plugin; from ganlab.data.drawing import Painters\n"
        "painters = Painters(drawing_plugin.draw, 1); painters.draw(range(3), 8)\n"
        "print(painters.started[0].process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    child = Path("/proc") / done.stdout.split()[-1] / "stat"
    deadline = time.monotonic() + 5
    while child.exists() and child.read_text().split()[2] != "Z" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not child.exists() or child.read_text().split()[2] == "Z"
