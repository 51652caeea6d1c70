"""The command line: help, options, exit codes, and what stands on which stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganlab import Gan, cli, load_gan, plugins, save_gan
from ganlab.commands import command_line
from tests.kit import Ended, Run, command, ship_from
from tests.plugin_kit import forget_modules, good, install

ROOT = Path(__file__).parents[1]

MEAN = '''"""How bright pictures [of a GAN] are."""

from typing import Annotated, Literal
from ganlab import Gan, GanlabError, Metric, Result, analysis, hookimpl, progress

@analysis
def mean(
    gan: Gan,
    concept: Annotated[str, "what to look for [bold]"],
    n: Annotated[int, "how many pictures"] = 4,
    how: Annotated[Literal["mean", "median"], "which middle"] = "mean",
    careful: Annotated[bool, "be careful"] = True,
    keep: Annotated[str | None, "keep the GAN under this name"] = None,
    words: Annotated[list[str], "some words"] = [],
) -> Result:
    """How bright pictures are.

    Their mean over [all] pixels.
    """
    for _ in progress(n, "waiting"):
        pass
    print("chatter")
    if concept == "crash":
        raise ZeroDivisionError("first line\\nsecond line")
    if concept == "mistake":
        raise GanlabError("You erred.", "Do better.")
    if concept == "memory":
        raise MemoryError
    if concept == "library":
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")
    if concept == "stop":
        raise KeyboardInterrupt
    if concept == "nan":
        return Result("NaN.", {"mean": Metric(float("nan"), no_control="x")})
    value = float(gan.generate(gan.latents(n)).mean())
    mean = Metric(value, value - 1, value + 1, n, control="fresh")
    metrics = {"mean": mean, "fresh": Metric(0.5, no_control="is one")}
    return Result("The mean is [b]known[/b].", metrics, notes=["Look [out]."], gans={keep: gan} if keep else {})

@hookimpl
def register_analyses():
    return [mean]
'''

SEVERAL = '''"""Several things."""

import typer
from typing import Annotated, Literal
from ganlab import Metric, Result, analysis, hookimpl

@analysis
def count(
    things: Annotated[list[str], "what to count"],
    of: Annotated[list[Literal["red", "blue"]] | None, "colours that count"] = None,
) -> Result:
    """Count things."""
    what = f"{len(things)} things{' of ' + ' and '.join(of) if of else ''}."
    return Result(what, {"count": Metric(len(things), no_control="a count")})

def mark(port: Annotated[int, typer.Option(help="Where to listen.")] = 80) -> None:
    """Open a page."""
    print(f"page at {port}")

tools = typer.Typer(name="tools", help="More tools.")

@tools.command()
def hammer() -> None:
    """Hit."""
    print("hit")

@tools.command()
def crash() -> None:
    """Fail."""
    raise KeyError("x")

@hookimpl
def register_analyses():
    return [count]

@hookimpl
def register_commands():
    return [mark, tools]
'''


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run ``ganlab`` in this process with three plugins more than there are."""
    site = tmp_path / "site"
    install(site, "mean", MEAN)
    install(site, "several", SEVERAL)
    install(site, "bad", '"""It is bad."""\nimport demo_missing\ndef register_analyses(): pass\n')
    install(
        site,
        "silent",
        '"""Brings nothing yet."""\nfrom ganlab import hookimpl\n@hookimpl\ndef register_datasets(): return []\n',
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANLAB_RUNS")

    def run(*words: str) -> Ended:
        plugins.host.cache_clear()
        return command(capsys, *words)

    yield run
    plugins.host.cache_clear()
    forget_modules()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    from ganlab.checkpoints import save_gan
    from ganlab.testing import tiny_gan

    folder = tmp_path_factory.mktemp("gans") / "tiny"
    save_gan(tiny_gan(), folder)
    return str(folder)


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


def test_help_imports_nothing_heavy() -> None:
    script = """
import sys
from ganlab.cli import main
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


def test_version(run: Run) -> None:
    import ganlab

    assert run("--version") == (0, f"ganlab {ganlab.__version__}\n", "")


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
    run("mean", "window", "--gan", tiny, "--n", "8", "--no-careful")
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
    from ganlab.running import FIRST_CHOICE, find_gan

    chosen = Analysis.from_spec("arithmetic").default_gan
    assert find_gan() == find_gan(Analysis.from_spec("probe")) == FIRST_CHOICE
    assert find_gan(Analysis.from_spec("arithmetic")) == chosen != FIRST_CHOICE


def test_no_gan_at_all(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship_from(tmp_path / "none", monkeypatch)
    ended = run("mean", "window")
    assert ended.code == 2
    assert "Hint: Name one: --gan FOLDER" in ended.err


def test_a_gan_that_is_kept_has_a_name(run: Run, tiny: str) -> None:
    assert "GAN saved: --gan mine" in run("mean", "window", "--gan", tiny, "--keep", "mine").err
    assert run("mean", "window", "--gan", "mine").code == 0
    assert "There is a GAN called 'mine' already" in run("mean", "window", "--gan", tiny, "--keep", "mine").err
    assert run("checkpoints").out.count("mine") >= 1
    assert "up8.conv" in run("checkpoints", "info", "mine").out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mean"], "Missing argument 'CONCEPT'"),
        (["mean", "x", "--n", "many"], "--n"),
        (["mean", "x", "--how", "mode"], "'mode' is not one of 'mean', 'median'"),
        (["mean", "x", "--nn", "3"], "No such option: --nn"),
        (["mean", "x", "--n"], "--n"),
        (["mean", "x", "--gan", "nowhere"], "There is no checkpoint 'nowhere'"),
        (["mean", "x", "--gan", "TINY", "--device", "abacus"], "no device 'abacus'"),
        (["mean", "x", "--gan", "TINY", "--out", "taken"], "taken already holds something"),
        (["mean", "mistake", "--gan", "TINY"], "You erred.\nHint: Do better."),
        (["mean", "memory", "--gan", "TINY"], "The memory does not suffice"),
        (["mean", "library", "--gan", "TINY"], "The memory does not suffice"),
        (["meen", "x"], "There is no command 'meen'.\nHint: Did you mean mean?"),
        (["xyzzy"], "There is no command 'xyzzy'"),
        (["--frobnicate"], "No such option: --frobnicate"),
        (["bad"], "The plugin 'bad' (demo-bad 1.0) was left out: demo_bad.py, line 2: ModuleNotFoundError"),
        (["silent"], "The plugin 'silent' brings no command"),
        (["--plugin", "nothing.py", "nothing"], "There is no plugin file 'nothing.py'"),
        (["plugins", "check", "nobody"], "There is no plugin 'nobody'"),
    ],
)
def test_mistakes_end_with_a_sentence_and_a_hint(run: Run, tiny: str, words: list[str], expected: str) -> None:
    Path("taken").mkdir()
    Path("taken/file").touch()
    ended = run(*(tiny if word == "TINY" else word for word in words))
    assert ended.code == 2
    assert f"Error: {expected}" in ended.err or (expected in ended.err and "Error: " in ended.err)
    assert "Hint: " in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert not Path("runs").exists(), "nothing is left behind"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (
            ["mean", "crash", "--gan", "TINY"],
            "mean' (demo-mean 1.0) crashed: ZeroDivisionError: first line second line",
        ),
        (["mean", "nan", "--gan", "TINY"], "mean' (demo-mean 1.0) crashed: ValueError"),
        (["several", "tools", "crash"], "several' (demo-several 1.0) crashed: KeyError"),
    ],
)
def test_a_crash_names_the_plugin(
    run: Run, tiny: str, words: list[str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [tiny if word == "TINY" else word for word in words]
    ended = run(*words)
    assert ended.code == 1
    assert f"Error: plugin '{kind}" in ended.err
    assert "--traceback" in ended.err
    assert "Traceback" not in ended.err
    assert "Traceback" in run(*words, "--traceback").err
    monkeypatch.setenv("GANLAB_TRACEBACK", "1")
    assert "Traceback" in run(*words).err
    assert not Path("runs").exists()


def test_stopping_leaves_nothing(run: Run, tiny: str) -> None:
    ended = run("mean", "stop", "--gan", tiny)
    assert ended.code == 130
    assert ended.err.endswith("Stopped.\n")
    assert not Path("runs").exists()


def test_a_crash_in_what_a_plugin_brings_names_it_in_other_commands_too(run: Run) -> None:
    source = """
from ganlab import Dataset, hookimpl
def draw(index, size):
    return {}[index]
@hookimpl
def register_datasets():
    return [Dataset("wild", "draws nothing", version="1", count=8, draw=draw)]
"""
    Path("wild.py").write_text(source)
    ended = run("--plugin", "wild.py", "train", "wild", "--size", "16", "--batch", "4")
    assert ended.code == 1
    assert ended.err.startswith("Error: plugin 'wild' (wild.py) crashed: KeyError: 0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--width", "8"), "--width is decided by the GAN of --start"),
        (("--prior", "normal"), "--prior is decided by the GAN of --start"),
    ],
)
def test_no_option_contradicts_the_gan_that_training_starts_from(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run("train", "rooms:8", "--start", "rooms-64", *words)
    assert ended.code == 2
    assert said in ended.err
    assert not Path("runs").exists()


def test_training_starts_from_no_half_a_gan_and_says_so_at_once(run: Run, tiny: str) -> None:
    gan = load_gan(tiny)
    save_gan(Gan(gan.generator, None, prior=gan.prior, image=gan.image, card=gan.card), "half")
    ended = run("train", "nowhere", "--start", "half")
    assert ended.code == 2
    assert "has no discriminator to go on with" in ended.err
    assert not Path("runs").exists()


def test_control_c_in_earnest(tmp_path: Path) -> None:
    source = (
        good("sleepy")
        .replace("gan: Gan", "")
        .replace("    value", "    import time; print('ready', flush=True); time.sleep(60)\n    value")
    )
    (tmp_path / "sleepy.py").write_text(source)
    words = [sys.executable, "-m", "ganlab", "--plugin", "sleepy.py", "sleepy"]
    environment = {**os.environ, "GANLAB_RUNS": "", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs inherit that it is ignored
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == "Stopped.\n"
    assert process.returncode == 130
    assert not (tmp_path / "runs").exists()


def test_a_loose_plugin_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "loose.py").write_text(SEVERAL)
    assert "Several things." in run("--plugin", "loose.py", "--help").out
    ended = run("--plugin", "loose.py", "loose", "count", "a", "--out", "here")
    assert ended.code == 0
    assert json.loads(Path("here/environment.json").read_text())["command"] == "ganlab --plugin loose.py loose count a"
    assert run("plugins", "check", "loose.py").out == (
        "loose: commands loose count, loose mark, loose tools. All is well.\n"
    )


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
