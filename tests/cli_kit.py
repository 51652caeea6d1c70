"""`ganlab` with three plugins more than there are, and a GAN to run them on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganlab import plugins
from tests.kit import Ended, Run, command
from tests.plugin_kit import forget_modules, install

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
    if concept == "end":
        raise EOFError("Ran out of input")
    if concept == "stop":
        raise KeyboardInterrupt
    if concept == "exit":
        raise SystemExit(0)
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


@pytest.fixture(name="run")
def run_with_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
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


@pytest.fixture(name="tiny", scope="session")
def saved_tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    from ganlab.checkpoints import save_gan
    from ganlab.testing import tiny_gan

    folder = tmp_path_factory.mktemp("gans") / "tiny"
    save_gan(tiny_gan(), folder)
    return str(folder)
