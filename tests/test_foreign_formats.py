"""Formats of plugins that fail: who is named, and that nobody else's files suffer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganlab import load_gan, open_images
from ganlab.formats import PluginWarning
from ganlab.plugins import host
from tests.kit import Ended, Run, command
from tests.plugin_kit import forget_modules, install

pytestmark = pytest.mark.usefixtures("one_thread")

BAD = '''"""Its formats cannot be asked."""
from ganlab import CheckpointFormat, DatasetFormat, hookimpl

def asked(path):
    raise {error}

@hookimpl
def register_datasets():
    return [DatasetFormat("bad-set", "x", asked, None)]

@hookimpl
def register_checkpoint_formats():
    return [CheckpointFormat("bad-net", "x", asked, None)]
'''

# a format for every way in which a reader can fail, told by the file's ending
GOOD = '''"""Formats that are asked after the bad ones."""
import numpy as np
from ganlab import Card, CheckpointFormat, DatasetFormat, Gan, ImageSpec, Prior, StoredImages, hookimpl

class Grey(StoredImages):
    def count(self):
        return "two" if self.files[0].suffix == ".counted" else 2
    def read(self, row):
        return np.full((8, 8), row, np.uint8)

def pictures(path, part):
    if path.suffix == ".unset":
        return [1, 2]
    if path.suffix == ".crash":
        raise ZeroDivisionError
    return Grey([path], part)

def network(path):
    from torch import nn
    if path.suffix == ".none":
        return None
    if path.suffix == ".fails":
        raise ZeroDivisionError
    wide = 9 if path.suffix == ".misfit" else 8
    generator = nn.Sequential(nn.Linear(wide, 256), nn.Tanh(), nn.Unflatten(1, (1, 16, 16)))
    judge = nn.Sequential(nn.Flatten(), nn.Linear(9 if path.suffix == ".misjudged" else 256, 1), nn.Flatten(0))
    return Gan(generator, judge, prior=Prior(8, "normal"), image=ImageSpec(16, 1), card=Card(path.stem))

def of(*endings):
    return lambda path: path.suffix in endings

@hookimpl
def register_datasets():
    return [DatasetFormat("greys", "x", of(".grey", ".unset", ".counted", ".crash"), pictures)]

@hookimpl
def register_checkpoint_formats():
    return [CheckpointFormat("flat", "x", of(".flat", ".none", ".fails", ".misfit", ".misjudged"), network)]
'''


@pytest.fixture(name="run")
def run_with_formats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run ``ganlab`` in this process beside a plugin of formats that work or fail."""
    install(tmp_path / "site", "zgood", GOOD)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    host.cache_clear()

    def run(*words: str) -> Ended:
        Path(words[-1]).write_bytes(b"anything")
        return command(capsys, *words)

    yield run
    host.cache_clear()
    forget_modules()


@pytest.mark.parametrize("error", ["ZeroDivisionError('by zero')", "IsADirectoryError(21, 'x')", "SystemExit(5)"])
@pytest.mark.parametrize(
    ("words", "format"),
    [(("data", "info", "a.grey"), "bad-set"), (("checkpoints", "info", "a.flat"), "bad-net")],
)
def test_a_format_that_cannot_be_asked_costs_one_line(
    run: Run, tmp_path: Path, words: tuple[str, ...], format: str, error: str
) -> None:
    install(tmp_path / "site", "bad", BAD.format(error=error))
    ended = run(*words)
    assert ended.code == 0, ended.err
    line = f"Warning: the format '{format}' of plugin 'bad' (demo-bad 1.0) was passed over, because it failed when"
    assert ended.err.startswith(f"{line} asked whether a.{words[-1].partition('.')[2]} is its own: {error[:7]}")
    assert ended.err.count("\n") == 1


def test_in_python_too_it_is_a_warning(run: Run, tmp_path: Path) -> None:
    install(tmp_path / "site", "bad", BAD.format(error="ZeroDivisionError"))
    for name in ("a.grey", "a.flat"):
        Path(name).touch()
    with pytest.warns(PluginWarning, match="'bad-set' of plugin 'bad'"):
        assert len(open_images("a.grey")) == 2
    with pytest.warns(PluginWarning, match="'bad-net' of plugin 'bad'"):
        assert load_gan("a.flat").name == "a"


def test_a_file_that_is_closed_to_everybody_is_no_plugins_fault(run: Run, tmp_path: Path) -> None:
    install(tmp_path / "site", "bad", BAD.format(error="PermissionError(13, 'Permission denied')"))
    for words in (("data", "info", "a.grey"), ("checkpoints", "info", "a.flat")):
        ended = run(*words)
        assert ended.code == 2
        assert f"Error: {words[-1]} cannot be read: Permission denied." in ended.err


WHO = "the format '{}' of plugin 'zgood' (demo-zgood 1.0)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("data", "info", "a.unset"), f"For a.unset {WHO.format('greys')} gave list, where Images is meant."),
        (("data", "info", "a.counted"), f"its reader, {WHO.format('greys')}, was not prepared for (TypeError"),
        (("data", "info", "a.crash"), f"its reader, {WHO.format('greys')}, was not prepared for (ZeroDivisionError"),
        (
            ("checkpoints", "info", "a.none"),
            f"For a.none {WHO.format('flat')} gave NoneType, where Gan or Stored is meant.",
        ),
        (
            ("checkpoints", "info", "a.fails"),
            f"its reader, {WHO.format('flat')}, was not prepared for (ZeroDivisionError",
        ),
        (("checkpoints", "info", "a.misfit"), f"its reader, {WHO.format('flat')}, was not prepared for (RuntimeError"),
        (
            ("checkpoints", "info", "a.misjudged"),
            f"its reader, {WHO.format('flat')}, was not prepared for (RuntimeError",
        ),
    ],
)
def test_a_reader_that_fails_is_named(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run(*words)
    assert ended.code == 2
    assert said in ended.err
    assert "Hint: " in ended.err
