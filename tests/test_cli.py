"""Commands that run: what they write, and what stands on which stream."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ganlab.cli.commands import command_line
from ganlab.plugins import host
from tests.cli_kit import SEVERAL, run_with_plugins, saved_tiny  # noqa: F401 (fixtures)
from tests.kit import Run, ship_from


def test_a_run(run: Run, tiny: str) -> None:
    ended = run("mean", "window", "--gan", tiny, "--n", "8", "--no-careful")
    assert ended.code == 0
    folder = Path("runs/mean/tiny-16-0001")
    assert f"Page: {folder / 'index.html'}" in ended.out
    assert "The mean is [b]known[/b]." in ended.out
    assert "Note: Look [out]." in ended.out
    assert "fresh: 0.5" in ended.out, "the control stands beside"
    assert "chatter" not in ended.out
    record = json.loads((folder / "result.json").read_text())["record"]
    assert record["plugin"] == "mean"
    assert record["options"]["n"] == 8
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["command"] == f"ganlab mean window --gan {tiny} --n 8 --no-careful"
    assert environment["device"] == "cpu"
    run("mean", "window", "--gan", tiny, "--n", "8", "--no-careful", "--device", "cpu")
    assert "--no-careful --device cpu</pre>" in Path("runs/mean/tiny-16-0002/index.html").read_text()
    assert (folder / "result.json").read_bytes() == Path("runs/mean/tiny-16-0002/result.json").read_bytes()


def test_json_alone_on_standard_output(run: Run, tiny: str) -> None:
    ended = run("mean", "window", "--gan", tiny, "--json", "--out", "here")
    assert ended.code == 0
    assert ended.out == Path("here/result.json").read_text()
    assert "chatter" in ended.err
    assert "here/index.html" in ended.err


def test_an_analysis_without_a_gan(run: Run) -> None:
    ended = run("several", "count", "a", "b")
    assert ended.code == 0
    assert "2 things." in ended.out
    assert Path("runs/several-count/run-0001/result.json").is_file()
    assert "--gan" not in run("several", "count", "--help").out


def test_a_list_of_choices(run: Run) -> None:
    assert "2 things of red and blue." in run("several", "count", "a", "b", "--of", "red", "--of", "blue").out
    assert "[red|blue]" in run("several", "count", "--help").out
    wrong = run("several", "count", "a", "--of", "green")
    assert wrong.code == 2
    assert "of cannot be 'green'" in wrong.err
    assert "red, blue" in wrong.err


def test_commands_of_a_plugin(run: Run) -> None:
    assert run("several", "mark", "--port", "81").out == "page at 81\n"
    assert run("several", "tools", "hammer").out == "hit\n"
    for word in ("count", "mark", "tools"):
        assert word in run("several", "--help").out
    assert run("several") == run("several", "--help")


def test_the_gan_that_is_taken_is_told(run: Run, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ship_from(Path(tiny).parent, monkeypatch)
    assert "GAN: tiny, which comes with ganlab" in run("mean", "window").err
    monkeypatch.setenv("GANLAB_GAN", tiny)
    assert f"GAN: {tiny}, from GANLAB_GAN" in run("mean", "window").err


def test_an_analysis_without_a_gan_of_its_own_takes_the_first_choice_of_those_that_ship() -> None:
    from ganlab import Analysis
    from ganlab.cli.running import FIRST_CHOICE, find_gan

    chosen = Analysis.from_spec("arithmetic").default_gan
    assert find_gan() == find_gan(Analysis.from_spec("probe")) == FIRST_CHOICE
    assert find_gan(Analysis.from_spec("arithmetic")) == chosen != FIRST_CHOICE


def test_a_gan_that_is_kept_has_a_name(run: Run, tiny: str) -> None:
    assert "GAN saved: --gan mine" in run("mean", "window", "--gan", tiny, "--keep", "mine").err
    assert run("mean", "window", "--gan", "mine").code == 0
    assert "There is a GAN called 'mine' already" in run("mean", "window", "--gan", tiny, "--keep", "mine").err
    assert run("checkpoints").out.count("mine") >= 1
    assert "up8.conv" in run("checkpoints", "info", "mine").out


def test_a_loose_plugin_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "loose.py").write_text(SEVERAL)
    assert "Several things." in run("--plugin", "loose.py", "--help").out
    ended = run("--plugin", "loose.py", "loose", "count", "a", "--out", "here")
    assert ended.code == 0
    assert json.loads(Path("here/environment.json").read_text())["command"] == "ganlab --plugin loose.py loose count a"
    assert run("plugins", "check", "loose.py").out == (
        "loose: commands loose count, loose mark, loose tools. All is well.\n"
    )


def test_the_command_that_runs_it_again(tmp_path: Path) -> None:
    from tests.test_analyses import everything

    def words(**values: Any) -> list[str]:
        return command_line(everything, ("all",), {"concept": "bed", **values})

    assert words() == ["ganlab", "all", "bed"]
    assert words(n=4, drop=True, how="median") == ["ganlab", "all", "bed", "--drop", "--how", "median"]
    assert words(words=["a", "b c"], gan="x") == [
        "ganlab",
        "all",
        "bed",
        "--gan",
        "x",
        "--words",
        "a",
        "--words",
        "b c",
    ]
    assert words(concept="-1") == ["ganlab", "all", "--", "-1"]
    elsewhere = command_line(everything, ("all",), {"concept": "-1"}, device="cuda:1")
    assert elsewhere == ["ganlab", "all", "--device", "cuda:1", "--", "-1"]


def test_an_options_name_is_the_parameters_without_underscores_at_its_ends(run: Run, tiny: str) -> None:
    from ganlab.testing import check_plugin

    source = '''"""Plugin."""
from typing import Annotated
from ganlab import Gan, Result, analysis, hookimpl, Metric
@analysis
def ends(
    from_: Annotated[str, "text"],
    gan: Gan,
    _n: Annotated[int, "number"] = 1,
    lambda_: Annotated[bool, "switch"] = True,
    label_: Annotated[str, "not the hint of this name"] = "x",
    on: Annotated[list[bool], "flags"] = [],
) -> Result:
    """Help."""
    return Result(f"{from_} {_n} {lambda_} {label_} {on} {gan.label}.", {"a": Metric(1, no_control="one")})
@hookimpl
def register_analyses():
    return [ends]
'''
    Path("ends.py").write_text(source)
    help = run("--plugin", "ends.py", "ends", "--help").out
    assert "FROM" in help and "FROM_" not in help  # noqa: PT018
    assert "--lambda / --no-lambda" in help
    typed = ["--n", "3", "--no-lambda", "--label", "y", "--on", "True", "--on", "False"]
    ended = run("--plugin", "ends.py", "ends", "a", "--gan", tiny, *typed)
    assert "a 3 False y [True, False] None." in ended.out
    again = f"ganlab --plugin ends.py ends a --gan {tiny} {' '.join(typed)}"
    page = next(Path("runs").rglob("index.html")).read_text()
    assert again in page
    assert "<dt>lambda</dt>" in page
    check_plugin(host().module("ends"))


def test_a_default_gan_that_does_not_ship_is_told(
    tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ganlab.cli.running import find_gan
    from tests.test_analyses import everything

    ship_from(Path(tiny).parent, monkeypatch)
    monkeypatch.setattr(everything, "default_gan", "facez-64")
    assert find_gan(everything) == "tiny"
    assert "tiny, which comes with ganlab, as no 'facez-64' does" in capsys.readouterr().err
    monkeypatch.setattr(everything, "default_gan", "tiny")
    assert find_gan(everything) == "tiny"
    assert "does" not in capsys.readouterr().err


def test_a_strangers_gan_sends_no_controls_to_the_terminal(run: Run) -> None:
    """In its name, its summary and its notes."""
    from dataclasses import replace

    from ganlab import Gan, save_gan
    from ganlab.testing import tiny_gan

    evil = "\x1b[2J\x9b31m\u202e"
    gan = tiny_gan()
    card = replace(gan.card, name=f"tiny{evil}", summary=f"Draws{evil}.", facts={"notes": [f"Guessed{evil}."]})
    save_gan(Gan(gan.generator, gan.discriminator, prior=gan.prior, image=gan.image, card=card), "evil")
    for ended in (run("checkpoints", "info", "evil"), run("mean", "window", "--gan", "evil")):
        assert ended.code == 0
        for said in (ended.out, ended.err):
            assert not set(evil) & set(said) - set("[2J31m")
        assert "\\x1b[2J\\x9b31m\\u202e" in ended.out + ended.err
