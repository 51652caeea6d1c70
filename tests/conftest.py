"""What all tests share: folders of their own for runs and caches, few threads, and the way to real data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.door_kit import Pair

ROOT = Path(__file__).parents[1]

# what makes rich and typer colour or fold what they write even where no terminal is; typer reads it when imported
for swaying in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "COLUMNS", "LINES"):
    os.environ.pop(swaying, None)

# what is asserted in a kit says what differed, as it does in a test
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in Path(__file__).parent.glob("*_kit.py")))

# no example is timed: on a busy machine any of them may take long
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def shared_data_folder() -> Path | None:
    """Where real data lies on this machine: ``GANLAB_SHARED_DATA``, else ``shared/data`` in or beside the checkout."""
    named = os.environ.get("GANLAB_SHARED_DATA")
    for folder in [Path(named)] if named else [ROOT / "shared/data", ROOT.parent / "shared/data"]:
        if folder.is_dir():
            return folder
    return None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; tests that ask for it are skipped where there is none."""
    folder = shared_data_folder()
    if folder is None:
        pytest.skip("no real data here (GANLAB_SHARED_DATA names its folder)")
    return folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the user's runs or caches, or is swayed by the user's settings."""
    folder = tmp_path_factory.mktemp("own")
    monkeypatch.setenv("GANLAB_RUNS", str(folder / "runs"))
    monkeypatch.setenv("GANLAB_CACHE", str(folder / "cache"))
    for name in ("GANLAB_GAN", "GANLAB_DISABLE", "GANLAB_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def two_threads() -> None:
    """Two threads wherever the tests run, in this process and in those they start."""
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    import torch

    torch.set_num_threads(2)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny networks are quickest on one thread, by far where the cores are busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process draw no plot of their losses."""
    from tests.kit import blank_plot

    monkeypatch.setattr("ganlab.training.journal.Journal._plot", blank_plot)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window; tests that ask for it are skipped where there is none."""
    from tests.page_kit import open_browser

    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def made() -> Pair:
    """A generator and its discriminator, whose norms have seen something."""
    from tests.door_kit import pair  # late: most tests need no torch

    return pair()


@pytest.fixture
def saved(made: Pair, tmp_path: Path) -> Path:
    """A folder with both as netG.pth and netD.pth."""
    import torch

    torch.save(made.generator.state_dict(), tmp_path / "netG.pth")
    torch.save(made.discriminator.state_dict(), tmp_path / "netD.pth")
    return tmp_path
