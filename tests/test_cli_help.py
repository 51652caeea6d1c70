"""Help: what it lists, that it imports nothing heavy, and that it is said in full, however narrow the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from ganlab import Analysis, Images
from ganlab.cli import app as cli
from ganlab.cli.app import CORE_COMMANDS, app
from ganlab.plugins import host
from tests.cli_kit import run_with_plugins  # noqa: F401 (a fixture)
from tests.kit import Run
from tests.plugin_kit import good, install


def test_root_help_lists_commands_and_plugins(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    for name in [*cli.CORE_COMMANDS, "mean", "several", "bad"]:
        assert f"  {name} " in ended.out
    assert "How bright pictures [of a GAN] are." in ended.out
    assert "demo_mean" not in sys.modules
    assert run() == ended, "alone it shows the same"


def test_root_help_tells_of_plugins_that_cannot_work(run: Run, tmp_path: Path) -> None:
    install(tmp_path / "site", "train", good("trains"))
    ended = run("--help")
    assert ended.code == 0
    assert ended.err.count("\n") == 1
    assert "Warning: plugin 'train' (demo-train 1.0) was left out" in ended.err


def test_help_of_an_analysis(run: Run) -> None:
    ended = run("mean", "--help")
    assert ended.code == 0
    order = [
        "CONCEPT",
        "[bold]",
        "--gan",
        "--n ",
        "[default: 4]",
        "--how",
        "--no-careful",
        "--out",
        "--json",
        "--device",
    ]
    places = [ended.out.index(words) for words in order]
    assert places == sorted(places)
    assert "Their mean over [all] pixels." in ended.out


def test_whatever_takes_pictures_has_the_option_that_the_hint_beside_a_broken_one_names() -> None:
    own = [entry.name for entry in host().entries.values() if entry.builtin]
    brought = [thing for name in own for thing in host().offers(name).values()]
    takes = [one for one in brought if isinstance(one, Analysis) and any(p.type is Images for p in one.parameters)]
    assert {"augment", "classify", "dedup", "features", "neighbors", "paper"} <= {one.name for one in takes}
    assert [one.name for one in takes if "skip_broken" not in one.signature.parameters] == []


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys
from ganlab.cli.app import main
for words in (["--help"], ["probe", "--help"], ["train", "--help"], ["plugins", "--help"]):
    try:
        main(words)
    except SystemExit as ended:
        assert not ended.code, words
heavy = {"torch", "captum", "sklearn", "matplotlib", "scipy", "jinja2", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "which filters" in ended.stdout.lower()


def test_what_plugins_bring_is_told_without_torch() -> None:
    """Of checkpoint formats, ganlab's own too, names alone are asked."""
    script = """
import sys
from ganlab.cli.app import main
try:
    main(["plugins"])
except SystemExit as ended:
    assert not ended.code
heavy = {"torch", "captum", "sklearn", "matplotlib", "scipy", "jinja2"} & set(sys.modules)
assert not heavy, heavy
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "checkpoint formats keras" in ended.stdout


def test_version(run: Run) -> None:
    import ganlab

    assert run("--version") == (0, f"ganlab {ganlab.__version__}\n", "")


def test_plugins_tells_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANLAB_DISABLE", "mean")
    ended = run("plugins")
    assert ended.code == 0
    lines = {line.split()[0]: line for line in ended.out.splitlines() if line.strip()}
    assert "data set" in lines["synthetic"]
    assert "several count, several mark, several tools" in lines["several"]
    assert "disabled by GANLAB_DISABLE" in lines["mean"]
    assert "bad" not in lines
    assert ended.err.count("Warning: plugin 'bad'") == 1
    assert run("mean", "x").err == "Error: The plugin 'mean' is disabled.\nHint: Take it out of GANLAB_DISABLE.\n"


@pytest.mark.parametrize("group", ["", "data", "checkpoints", "plugins", "synthetic"])
def test_no_summary_in_a_list_of_commands_is_cut(group: str) -> None:
    root = get_command(app)
    command, context = root, root.context_class(root, info_name="ganlab", terminal_width=80)
    if group:
        command = root.get_command(context, group)
        context = command.context_class(command, context, info_name=group)
    text = command.get_help(context)
    listed = text[text.index("Commands:") :]
    assert "..." not in listed
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(listed.split())
    for name in command.list_commands(context) if group else CORE_COMMANDS:
        sentence = " ".join(command.get_command(context, name).help.split()).partition(". ")[0]
        assert f"{name} {sentence}" in words
