"""The distribution: what it declares, what the wheel holds, and that `make` sets up once."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = [ROOT / "ganlab", *sorted(folder for folder in (ROOT / "plugins").iterdir() if folder.name != "__pycache__")]
EXAMPLE = ROOT / "docs/examples/ganlab-directions"
LEFT_OUT = ("seen.jpg", "seen.json")  # of the wheel


def requirements(extra: str = "") -> list[Requirement]:
    texts = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return [Requirement(text) for text in texts]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def imported_distributions() -> set[str]:
    """The distributions that the shipped code imports."""
    owners = metadata.packages_distributions()
    found = set()
    for file in (path for package in PACKAGES for path in package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in (name.partition(".")[0] for name in names):
                if name not in sys.stdlib_module_names and not name.startswith("ganlab"):
                    brought_by = owners.get(name, [f"{name}, imported in {file.name}"])
                    found |= {canonicalize_name(owner) for owner in brought_by}
    return found


def test_declared_dependencies_are_the_imported_ones() -> None:
    declared = [
        *requirements(),
        *requirements("video"),
        *requirements("formats"),
        *requirements("parquet"),
    ]  # an extra is imported where it is used
    assert imported_distributions() == {canonicalize_name(requirement.name) for requirement in declared}


@pytest.mark.parametrize("extra", ["", "test", "browser", "formats", "parquet", "video", "dev"])
def test_tested_versions_lie_within_the_declared_ranges(extra: str) -> None:
    for requirement in requirements(extra):
        if requirement.name != "ganlab":
            assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)]), requirement


def test_every_built_in_plugin_is_an_entry_point() -> None:
    assert set(PROJECT["entry-points"]["ganlab"].values()) == {folder.name for folder in PACKAGES} - {"ganlab"}


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)


@pytest.fixture
def pretended_venv(tmp_path: Path) -> Path:
    """An environment that looks as if everything had just been installed."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / ".ganlab-installed").touch()
    return venv


def test_a_second_make_reinstalls_nothing(pretended_venv: Path) -> None:
    assert "pip install" not in make("-n", "demo", f"VENV={pretended_venv}").stdout
    os.utime(pretended_venv / ".ganlab-installed", (0, 0))
    assert "pip install" in make("-n", "demo", f"VENV={pretended_venv}").stdout


def test_an_old_python_is_told_kindly(tmp_path: Path) -> None:
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.1 && exit 0\nexit 1\n')
    old.chmod(0o755)
    run = make("install", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert run.returncode
    assert "ganlab needs Python 3.11 or newer" in run.stderr
    assert "3.8.1" in run.stderr
    assert not (tmp_path / "venv").exists()


def test_no_python_is_told_kindly(tmp_path: Path) -> None:
    run = make("install", "PYTHON=", f"VENV={tmp_path / 'venv'}")
    assert run.returncode
    assert "none was found" in run.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of ganlab and of the example, ganlab's built from its sdist, as an index would get them."""
    folder = tmp_path_factory.mktemp("dist")
    for project in (ROOT, EXAMPLE):
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(project)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
    return {"ganlab": next(folder.glob("ganlab-*.whl")), "example": next(folder.glob("ganlab_directions-*.whl"))}


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_nothing_else(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["ganlab"]) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {folder.name for folder in PACKAGES}
    in_tree = {
        str(path.relative_to(package.parent))
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name not in LEFT_OUT
    }
    shipped = {
        str(Path("ganlab/checkpoints/shipped") / path.relative_to(ROOT / "checkpoints"))
        for path in (ROOT / "checkpoints").rglob("*")
        if path.is_file()
    }
    pages = {
        str(Path("ganlab/docs") / path.relative_to(ROOT / "docs"))
        for path in (*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/figures").iterdir())
    }
    assert {name for name in names if ".dist-info/" not in name} == in_tree | shipped | pages
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_no_path_of_this_machine_is_in_the_wheel(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["ganlab"]) as archive:
        for name in archive.namelist():
            assert str(ROOT).encode() not in archive.read(name), name


@pytest.mark.slow
def test_installed_wheels_work_without_the_checkout(built: dict[str, Path], tmp_path: Path) -> None:
    site = tmp_path / "site"
    for wheel in built.values():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    script = (
        "import ganlab, sys; from ganlab.checkpoints import shipped_folder; from ganlab.plugins import host; "
        "from ganlab.documentation import located; "
        "print(ganlab.__file__, shipped_folder(), located('docs/data.md'), *host().entries, sep='\\n')"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    where, shipped, page, *plugins = run.stdout.split()
    assert Path(where).is_relative_to(site)
    assert Path(shipped).is_relative_to(site)
    assert (tmp_path / page).is_relative_to(site)  # named from the current folder
    assert (tmp_path / page).is_file()
    assert {"probe", "synthetic", "directions"} <= set(plugins)


def test_the_citation_names_this_version() -> None:
    from ganlab import __version__

    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
