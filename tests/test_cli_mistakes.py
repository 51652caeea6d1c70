"""Mistakes end with a sentence and a hint, crashes name the plugin, and neither leaves anything behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from ganlab import Gan, GanlabError, load_gan, save_gan
from ganlab.__main__ import main as start
from ganlab.cli.explaining import exit_code
from ganlab.signals import ENDING
from ganlab.training.ending import Ended, EndedWithAnother, Stopped
from tests.cli_kit import run_with_plugins, saved_tiny  # noqa: F401 (fixtures)
from tests.kit import Run, ship_from
from tests.plugin_kit import good

ROOT = Path(__file__).parents[1]


def test_no_gan_at_all(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship_from(tmp_path / "none", monkeypatch)
    ended = run("mean", "window")
    assert ended.code == 2
    assert "Hint: Name one: --gan FOLDER" in ended.err


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
        (["mean", "x", "TINY"], "What has spaces goes in quotes."),
        (["mean", "x", "rooms-64"], "Hint: Did you mean --gan rooms-64? `ganlab mean --help` shows what there is."),
        (["mean", "rooms-64", "x"], "Hint: Did you mean --gan rooms-64?"),
        (["mean", "x", "y", "--gan", "rooms-64"], "What has spaces goes in quotes."),
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
    assert "Error: " in ended.err
    assert expected in ended.err
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
        (["mean", "end", "--gan", "TINY"], "mean' (demo-mean 1.0) crashed: EOFError: Ran out of input"),
        (["mean", "nan", "--gan", "TINY"], "mean' (demo-mean 1.0) crashed: ValueError"),
        (
            ["mean", "exit", "--gan", "TINY"],
            "mean' (demo-mean 1.0) crashed: RuntimeError: the analysis 'mean' ended the",
        ),
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


def test_control_c_that_a_library_made_another_error_of(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: list[str]) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            raise AttributeError("half imported") from None

    monkeypatch.setattr("ganlab.cli.app.run", broken)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ended = run("mean", "x")
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.code == 130
    assert ended.err == "Stopped.\n"


def test_names_that_the_output_cannot_show_are_spelt_out(tmp_path: Path) -> None:
    (tmp_path / "Zdj\u0119cia").mkdir()
    for name in "ab":
        Image.new("RGB", (8, 8), name == "a").save(tmp_path / "Zdj\u0119cia" / f"{name}.png")
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "GANLAB_CACHE": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
    words = [sys.executable, "-m", "ganlab", "data", "info", "Zdj\u0119cia"]
    ended = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert rb"Zdj\u0119cia" in ended.stdout


@contextmanager
def sleepy(folder: Path, ignored: signal.Signals | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command that sleeps over a temporary folder."""
    sleeping = """
    import tempfile, time
    with tempfile.TemporaryDirectory(dir="."):
        print('ready', flush=True)
        time.sleep(60)
    value"""
    (folder / "sleepy.py").write_text(good("sleepy").replace("gan: Gan", "").replace("\n    value", sleeping))
    words = [sys.executable, "-m", "ganlab", "--plugin", "sleepy.py", "sleepy"]
    environment = {**os.environ, "GANLAB_RUNS": "", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}

    def as_at_a_terminal() -> None:  # background jobs inherit what is ignored
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN if number == ignored else signal.SIG_DFL)

    with subprocess.Popen(
        words, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=as_at_a_terminal
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        time.sleep(0.1)
        yield process


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_in_earnest(tmp_path: Path, number: signal.Signals) -> None:
    with sleepy(tmp_path) as process:
        assert process.stderr is not None
        process.send_signal(number)
        if number == signal.SIGHUP:  # a terminal that closes sends it, and its shell again
            process.send_signal(number)
        assert process.stderr.read() == ("Stopped.\n" if number == signal.SIGINT else f"Stopped by {number.name}.\n")
    assert process.returncode == 128 + number
    assert {path.name for path in tmp_path.iterdir()} <= {"sleepy.py", "__pycache__"}


def test_under_nohup_it_goes_on(tmp_path: Path) -> None:
    with sleepy(tmp_path, ignored=signal.SIGHUP) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 143


def test_control_c_while_it_is_imported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "ganlab.cli.app", Interrupted("ganlab.cli.app"))
    with pytest.raises(SystemExit) as ended:
        start()
    assert ended.value.code == 130
    assert capsys.readouterr().err == "Stopped.\n"
    script = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["ganlab"]
    assert script == f"{start.__module__}:{start.__name__}"


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (Stopped(), 130),
        (Stopped(signal.SIGTERM), 143),
        (EndedWithAnother(KeyboardInterrupt()), 130),
        (EndedWithAnother(GanlabError("Another process of this run has ended.")), 2),
        (EndedWithAnother(MemoryError()), 2),
        (EndedWithAnother(ArithmeticError("a bug")), 1),
    ],
)
def test_a_training_process_with_nothing_to_say_ends_silently_as_if_it_had_said_it(
    ended: Ended, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(ended) == code
    assert capfd.readouterr() == ("", "")
