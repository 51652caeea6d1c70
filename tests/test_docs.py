"""What README and docs say holds: commands parse, code runs, links lead somewhere, nothing is left out."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

import ganlab
from ganlab.cli.app import app
from ganlab.cli.explaining import CLICK_ERROR
from ganlab.errors import GanlabError
from ganlab.plugins import import_file
from ganlab.plugins.checks import HOOKS
from ganlab.testing import check_analysis, check_plugin

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("examples/*/README.md")])
# commands that are there only once somebody has installed or written them
ELSEWHERE = {"directions", "spread"}

Block = tuple[str, str]  # language, text


def blocks(page: Path) -> list[Block]:
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def code(page: Path, language: str) -> list[str]:
    return [text for kind, text in blocks(page) if kind == language]


def shown_commands() -> list[tuple[str, str, bool]]:
    """Page, command line, and whether it is meant to be typed as it stands.

    Those with a PLACEHOLDER are left out, and those of plugins that are elsewhere.
    """
    shown = []
    for page in PAGES:
        lines = [line.partition("#")[0].strip() for text in code(page, "sh") for line in text.splitlines()]
        inline = re.findall(r"`(ganlab [^`]+)`", page.read_text(encoding="utf-8"))
        shown += [(page.name, line, whole) for whole, part in ((True, lines), (False, inline)) for line in part]
    meant = [row for row in shown if row[1].startswith("ganlab ") and not re.search(r"\b[A-Z]{2,}\b", row[1])]
    return [row for row in meant if words_of(row[1])[0] not in ELSEWHERE]


def words_of(line: str) -> list[str]:
    """What is typed after `ganlab`, without a plugin's file."""
    words = shlex.split(line)[1:]
    return words[2:] if words[0] == "--plugin" else words


@pytest.mark.parametrize(("page", "line", "whole"), shown_commands())
def test_every_command_shown_exists(page: str, line: str, whole: bool) -> None:
    words = words_of(line)
    command = get_command(app)
    context = command.context_class(command, info_name="ganlab")
    try:
        while hasattr(command, "list_commands") and words:
            _, command, words = command.resolve_command(context, words)
            context = command.context_class(command, context, info_name=command.name)
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, f"{page}: {line}"
        if whole and not hasattr(command, "list_commands"):
            command.make_context(command.name, words, parent=context.parent)
    except (GanlabError, CLICK_ERROR) as error:
        pytest.fail(f"{page}: {line}: {error}")


@pytest.mark.parametrize("name", ["api.md", "commands.md"])
def test_generated_pages_are_what_the_code_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if f"typer=={metadata.version('typer')}\n" not in (ROOT / "constraints.txt").read_text(encoding="utf-8"):
        pytest.skip("another Typer words its help pages differently")
    monkeypatch.setenv("COLUMNS", "40")
    run = subprocess.run(
        [sys.executable, "-c", f"import generate; print(generate.PAGES[{name!r}](), end='')"],
        cwd=DOCS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout == (DOCS / name).read_text(encoding="utf-8"), "run: make docs"


def test_every_hook_has_its_section() -> None:
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### `(\w+)`", text, re.MULTILINE)) == set(HOOKS)


def test_the_table_of_public_names_has_them_all_and_no_others() -> None:
    text = (DOCS / "plugins.md").read_text(encoding="utf-8").partition("## Public names")[2]
    named = [name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == ganlab.__all__


@pytest.mark.parametrize("module", [ganlab.figures, ganlab.testing], ids=["figures", "ganlab.testing"])
def test_everything_that_a_module_has_is_explained(module: ModuleType, request: pytest.FixtureRequest) -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    section = re.escape(request.node.callspec.id)
    assert set(re.findall(rf"^### `{section}\.(\w+)`", page, re.MULTILINE)) == set(module.__all__)


def test_api_page_shows_nothing_of_other_libraries_and_no_bare_references() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert not re.findall("ForwardRef|PluginManager", page)


def test_every_environment_variable_is_explained() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "ganlab").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"(?<!_)GANLAB_[A-Z]+", text)}
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(GANLAB_[A-Z]+)`", page, re.MULTILINE)) == named


def plugin_sources() -> list[str]:
    return [text for text in code(DOCS / "plugins.md", "python") if "@hookimpl" in text]


@pytest.mark.parametrize("source", plugin_sources(), ids=lambda source: source.splitlines()[0].strip('"'))
def test_plugins_in_the_docs_keep_the_contract(source: str, tmp_path: Path) -> None:
    check_plugin(written(source, tmp_path / "shown.py"))


def written(source: str, file: Path) -> ModuleType:
    file.write_text(source, encoding="utf-8")
    return import_file(file, file.stem)


def test_the_ten_minute_plugin_keeps_the_contract_of_analyses(tmp_path: Path) -> None:
    module = written(plugin_sources()[0], tmp_path / "spread.py")
    result = check_analysis(module.spread, n=8)
    assert set(result.metrics) == {"spread", "spread_untrained"}


def test_the_plugin_with_a_judge_passes_the_tests_shown_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = next(text for text in plugin_sources() if "def share(" in text)
    monkeypatch.setitem(sys.modules, "share", written(source, tmp_path / "share.py"))
    names: dict[str, Any] = {}
    exec(next(text for text in code(DOCS / "plugins.md", "python") if "import share\n" in text), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


def test_api_page_explains_every_type_that_a_public_name_gives_back() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    returned = re.findall(r"\) -> (.*)$", page, re.MULTILINE)
    own = {name for text in returned for name in re.findall(r"(?<!\.)\b[A-Z]\w+\b(?!\.)", text)}
    python = {"AbstractContextManager", "Any", "Callable", "Iterator", "Mapping", "None", "Path", "Self", "Sequence"}
    assert own - python - {"Attributes"} <= set(re.findall(r"^## `(\w+)`", page, re.MULTILINE))


def test_all_python_shown_is_python_with_public_names() -> None:
    shown: set[str] = set()
    for page in PAGES:
        for text in code(page, "python"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and node.module == "ganlab":
                    names = {alias.name for alias in node.names}
                    assert names <= set(ganlab.__all__), f"{page.name}: {text}"
                    shown |= names
    assert "load_gan" in shown


@pytest.mark.slow
def test_python_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for text in code(DOCS / "python.md", "python"):
        exec(compile(text, "docs/python.md", "exec"), names)
    assert (tmp_path / "my-run/index.html").is_file()
    table = (DOCS / "probe.md").read_text(encoding="utf-8").partition("## The numbers")[2].partition("\n## ")[0]
    # only where 90% go, and where auto chose another layer
    conditional = {
        "filters_for_90",
        "filters_for_90_removed",
        "filters_for_90_removed_at_random",
        "share_after_paper_layer",
    }
    assert set(re.findall(r"`([a-z_0-9]+)`", table)) - conditional <= set(names["result"].metrics)


def test_toml_shown_is_toml() -> None:
    texts = [text for page in PAGES for text in code(page, "toml")]
    assert texts
    for text in texts:
        tomllib.loads(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
