"""What somebody who writes a first plugin types, and is told."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from ganlab.cli.plugins import how_to_install
from tests.kit import Ended, command
from tests.plugin_kit import forget_modules, fresh_host, good, install

Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command, typed in a folder whose name has a blank."""
    (tmp_path / "my plugins").mkdir()
    monkeypatch.chdir(tmp_path / "my plugins")
    return lambda *words: command(capsys, *words)


def test_the_line_after_plugins_new_can_be_copied(run: Run) -> None:
    line = run("plugins", "new", "shrink").out.partition("Next: ")[2].partition(",")[0]
    assert shlex.split(line) == ["pip", "install", "-e", str(Path("ganlab-shrink").absolute())]


@pytest.mark.parametrize(
    "typed", ["ganlab-shrink", "ganlab-shrink/src/ganlab_shrink/__init__.py", "ganlab-shrink/src/ganlab_shrink"]
)
def test_a_package_is_installed_first_and_checked_by_its_plugins_name(run: Run, typed: str) -> None:
    run("plugins", "new", "shrink")
    ended = run("plugins", "check", typed)
    assert ended.code == 2
    assert f"{typed} belongs to a package" in ended.err
    place = shlex.quote(str(Path("ganlab-shrink").absolute()))
    assert f"pip install -e {place}, then: ganlab plugins check shrink" in ended.err


def test_a_folder_that_is_called_like_an_installed_plugin_is_not_in_its_way(run: Run) -> None:
    Path("probe").mkdir()
    Path("probe/__init__.py").touch()
    assert "All is well" in run("plugins", "check", "probe").out


def test_a_plugin_whose_name_another_has_is_not_checked_in_its_place(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    install(tmp_path / "site", "probe", good("probe"))
    monkeypatch.setattr("ganlab.cli.plugins.host", fresh_host)
    ended = run("plugins", "check", "probe")
    forget_modules()
    assert ended.code == 2
    assert "'probe' (demo-probe 1.0) was left out: the command 'probe' belongs to ganlab" in ended.err


@pytest.mark.parametrize(
    ("name", "hint"), [("class", "a word of Python's own. Hint: Take another name."), ("Big", "Take small letters")]
)
def test_a_name_that_cannot_be_a_plugins_is_told_why(run: Run, name: str, hint: str) -> None:
    ended = run("plugins", "new", name)
    assert ended.code == 2
    assert hint in " ".join(ended.err.split())
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "content", ["", "[project", "[project]\nname = 'x'", "project = 3", "[project.entry-points.ganlab]"]
)
def test_a_project_without_a_plugin_is_told_what_it_lacks(tmp_path: Path, content: str) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    assert "names no plugin" in how_to_install(tmp_path)


def test_a_package_without_a_project_is_told_what_it_lacks(run: Run) -> None:
    Path("loose").mkdir()
    Path("loose/__init__.py").touch()
    assert "needs a pyproject.toml" in run("plugins", "check", "loose").err


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("nosuch.py", "There is no plugin file 'nosuch.py'.", "Give the path of a Python file."),
        ("ganlab-probe", "There is no plugin 'ganlab-probe'.", "Its name is 'probe': ganlab plugins check probe"),
        ("ganlab-nosuch", "There is no plugin 'ganlab-nosuch'.", "`ganlab plugins` lists them."),
    ],
)
def test_a_wrong_name_is_told_with_what_to_give(run: Run, typed: str, message: str, hint: str) -> None:
    ended = run("plugins", "check", typed)
    assert ended.code == 2
    assert message in ended.err
    assert hint in ended.err
