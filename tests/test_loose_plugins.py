"""A plugin's file, tried before it is a package: what is broken in it is told at once, and who was left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganlab import GanlabError, Images, Labeler, load_gan, plugins
from tests.kit import Ended, command
from tests.plugin_kit import forget_modules, good, install

Run = Callable[..., Ended]

LABELER = '''"""Sees what is bright."""

from ganlab import Labeler, hookimpl


class Bright(Labeler):
    name, concepts, domain, card = "{name}", ("highlight",), "any pictures", {{}}

    def shows(self, images, image):
        return images.flatten(1).mean(1, keepdim=True) > 0


@hookimpl
def register_labelers():
    return [Bright()]
'''


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """A command, typed in an empty folder, in a process that has looked at no plugin yet."""
    monkeypatch.chdir(tmp_path)

    def typed(*words: object) -> Ended:
        plugins.host.cache_clear()
        return command(capsys, *words)

    yield typed
    plugins.host.cache_clear()
    forget_modules()


MISSING = "import nothing_like_it\n" + LABELER.format(name="bright")


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        (MISSING, "No module named 'nothing_like_it'", "walk --steps 3"),
        (MISSING, "No module named 'nothing_like_it'", "probe highlight --labeler bright"),
        (MISSING, "No module named 'nothing_like_it'", "plugins"),
        (LABELER.format(name="bright").replace("[Bright()]", "Bright()"), "a list, not a Bright", "data info stripes"),
        (LABELER.format(name="rooms"), "the labeler 'rooms' belongs to plugin 'synthetic' already", "walk"),
        (good().replace("return [fine]", "return [missing]"), "name 'missing' is not defined", "checkpoints"),
        ("def broken(:", "SyntaxError", "nothing"),
    ],
)
def test_a_file_that_cannot_be_loaded_ends_whatever_was_typed(run: Run, source: str, reason: str, words: str) -> None:
    Path("mine.py").write_text(source)
    ended = run("--plugin", "mine.py", *words.split())
    assert ended.code == 2
    assert ended.err.startswith("Error: The plugin 'mine' (mine.py) was left out: ")
    assert reason in ended.err
    assert ended.err.count("\n") == 2, "one line, and a hint"
    assert "docs/plugins.md" in ended.err
    assert not ended.out


def test_help_reads_a_file_and_does_not_run_it(run: Run) -> None:
    Path("mine.py").write_text(good().replace("@analysis", "open('ran', 'w')\n\n@analysis"))
    for words in (("--help",), ("walk", "--help")):
        assert run("--plugin", "mine.py", *words).code == 0
        assert not Path("ran").exists()
    assert run("--plugin", "mine.py", "mine", "--help").code == 0
    assert Path("ran").exists()


def test_several_files_are_taken_and_the_command_that_repeats_a_run_names_them_all(run: Run) -> None:
    Path("judge.py").write_text(LABELER.format(name="bright"))
    Path("mine.py").write_text(good())
    assert run("--plugin", "judge.py", "--plugin", "mine.py", "mine", "--gan", "rooms-64", "--out", "here").code == 0
    assert Labeler.from_spec("bright").name == "bright"
    said = json.loads(Path("here/environment.json").read_text())["command"]
    assert said.startswith("ganlab --plugin judge.py --plugin mine.py mine --gan ")


def test_a_command_called_by_its_functions_name_is_told_the_files(run: Run) -> None:
    Path("mine.py").write_text(good("brightness"))
    ended = run("--plugin", "mine.py", "brightness")
    assert ended.code == 2
    assert ended.err == "Error: There is no command 'brightness'.\nHint: mine.py brings the command mine.\n"
    two = good("brightness").replace("[brightness]", "[brightness, other]")
    more = good("other").partition("@analysis")[2].partition("@hookimpl")[0]
    Path("mine.py").write_text(two.replace("@hookimpl", f"@analysis{more}@hookimpl"))
    assert "mine.py brings the commands mine brightness, mine other." in run("--plugin", "mine.py", "brightness").err
    Path("mine.py").write_text(LABELER.format(name="bright"))
    assert "mine.py brings no command." in run("--plugin", "mine.py", "brightness").err


def test_a_crash_of_a_file_is_told_to_nobody_else(run: Run) -> None:
    Path("mine.py").write_text(good().replace("    value =", "    1 / 0\n    value ="))
    ended = run("--plugin", "mine.py", "mine")
    assert ended.code == 1
    assert "plugin 'mine' (mine.py) crashed: ZeroDivisionError" in ended.err
    assert "--traceback" in ended.err
    assert "author" not in ended.err


@pytest.mark.parametrize(
    "missing",
    [
        lambda: Labeler.from_spec("bright"),
        lambda: Images.from_spec("stripes"),
        lambda: Images.from_spec("own.stripes"),
        lambda: load_gan("nobodys"),
        lambda: load_gan("own.weights"),
    ],
    ids=["labeler", "data set", "data format", "checkpoint", "checkpoint format"],
)
def test_what_is_not_found_names_the_plugins_that_were_left_out(
    run: Run, monkeypatch: pytest.MonkeyPatch, missing: Callable[[], object]
) -> None:
    site = Path("site").absolute()
    install(site, "bright", "import nothing_like_it")
    monkeypatch.syspath_prepend(site)
    Path("own.stripes").touch()
    Path("own.weights").touch()
    plugins.host.cache_clear()
    with pytest.raises(GanlabError) as caught:
        missing()
    assert caught.value.hint.endswith(
        " The plugin 'bright' (demo-bright 1.0) was left out: "
        "demo_bright.py, line 1: ModuleNotFoundError: No module named 'nothing_like_it'."
    )


def test_a_command_that_is_not_found_names_the_plugins_that_were_left_out(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Path("site").absolute()
    install(site, "bright", good("bright"), requires="ganlab>=99")
    monkeypatch.syspath_prepend(site)
    assert "The plugin 'bright' (demo-bright 1.0) was left out: it needs ganlab>=99" in run("brigth").err


def test_the_name_of_the_distribution_is_no_name_of_the_command(run: Run) -> None:
    ended = run("plugins", "new", "ganlab-foo")
    assert ended.out.startswith("Wrote ganlab-foo. ")
    assert "ganlab foo --help" in ended.out
    assert 'name = "ganlab-foo"' in Path("ganlab-foo/pyproject.toml").read_text()
