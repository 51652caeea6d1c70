"""The plugin host: every way in which a plugin can be broken costs one line and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageMetadata
from pathlib import Path

import pytest

from ganlab import hookspecs
from ganlab.errors import GanlabError
from ganlab.plugins import COMMAND_HOOKS, PROVIDER_HOOKS
from ganlab.plugins.checks import HOOKS, KINDS
from ganlab.plugins.metadata import RESERVED_NAMES, PluginProblem, find_entries
from tests.plugin_kit import forget_modules, fresh_host, good, install

DATASET = '''"""Brings a data set."""
from ganlab import Dataset, hookimpl

@hookimpl
def register_datasets():
    return [Dataset("{name}", "drawn", "1", 10, lambda index, size: None)]
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    forget_modules()


def reason(name: str) -> str:
    """Why a fresh host leaves this plugin out once everything has been asked of it, in one line."""
    host = fresh_host()
    if name in host.entries:
        host.facts(name)
        host.provides(name)
        with pytest.raises(GanlabError):
            host.offers(name)
    problem = host.problem(name)
    assert problem is not None
    assert "\n" not in str(problem)
    return problem.reason


def test_a_good_plugin_offers_its_analysis(site: Path) -> None:
    install(site, "fine", good())
    host = fresh_host()
    assert host.entries["fine"].distribution == "demo-fine 1.0"
    facts = host.facts("fine")
    assert facts is not None
    assert facts.summary == "What is fine."
    assert facts.has_commands
    assert "demo_fine" not in sys.modules, "help must not import a plugin"
    offered = host.offers("fine")
    assert list(offered) == ["fine"]
    assert offered["fine"].plugin == "fine"
    assert host.problem("fine") is None


def test_running_a_command_imports_only_its_plugin(site: Path) -> None:
    install(site, "one", good("one"))
    install(site, "two", good("two"))
    fresh_host().offers("two")
    assert "demo_two" in sys.modules
    assert "demo_one" not in sys.modules


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import nothing_of_this_name", "No module named 'nothing_of_this_name'"),
        ('"""Help."""\nraise SystemExit(3)', "SystemExit"),
        ('"""Help."""\n1 / 0', "demo_bad.py, line 2: ZeroDivisionError"),
        ('"""Help."""\ndef broken(:\n', "SyntaxError"),
        ('"""Help."""\n', "no function is marked with @ganlab.hookimpl"),
        (
            good().replace("def register_analyses", "def register_analysis"),
            "no hook register_analysis; did you mean register_analyses?",
        ),
        (good().replace("@hookimpl\n", ""), "register_analyses() looks like a hook: it must be marked"),
        (
            good() + "\ndef register_dataset():\n    return []\n",
            "register_dataset() looks like a hook: it must be marked with @ganlab.hookimpl and spelt",
        ),
        (good().replace("register_analyses()", "register_analyses(app)"), "asks for 'app', which the hook"),
        (good().replace("return [fine]", "raise RuntimeError('no\\nway')"), "RuntimeError: no way"),
        (good().replace("return [fine]", "pass"), "must return a list, not a NoneType"),
        (good().replace("return [fine]", "return fine"), "must return a list, not an Analysis"),
        (good().replace("return [fine]", "return [fine, fine]"), "two of the name 'fine'"),
        (good().replace("return [fine]", "return [3]"), "returned 3, which is no Analysis"),
        (good().replace("@analysis\n", ""), "the function fine, which is no Analysis: mark the function with @"),
        (good().replace("gan: Gan", "gan: Gan, k"), "parameter 'k' has no annotation"),
        (good().replace("register_analyses", "register_datasets"), "which is no Dataset"),
        (good().replace("register_analyses", "register_labelers"), "which is no Labeler"),
        (good().replace("register_analyses", "register_commands").replace("[fine]", "[3]"), "neither a function nor"),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_left_out_with_a_reason(site: Path, source: str, expected: str) -> None:
    install(site, "bad", source)
    install(site, "fine", good())
    assert expected in reason("bad")
    assert "demo_bad" not in sys.modules, "what a broken plugin left behind is removed"
    host = fresh_host()
    list(host.datasets())
    assert list(host.offers("fine")) == ["fine"], "the others work on"


def test_a_reason_that_asks_is_a_sentence_all_the_same() -> None:
    problem = PluginProblem("bad", "bad.py", "there is no hook x; did you mean y?")
    assert problem.error().message == "The plugin 'bad' (bad.py) was left out: there is no hook x; did you mean y?"


def test_a_broken_plugin_keeps_what_it_imported_from_others(site: Path) -> None:
    (site / "demo_shared.py").write_text("")
    install(site, "bad", "import demo_shared, demo_missing")
    assert "demo_missing" in reason("bad")
    assert "demo_shared" in sys.modules


def test_a_broken_package_forgets_its_submodules(site: Path) -> None:
    (site / "demo_pack").mkdir()
    (site / "demo_pack/inner.py").write_text("")
    (site / "demo_pack/__init__.py").write_text("from . import inner\nimport demo_missing")
    install(site, "bad", "", module="demo_pack")
    (site / "demo_pack.py").unlink()
    assert "demo_missing" in reason("bad")
    assert not [name for name in sys.modules if name.startswith("demo_pack")]


def test_a_module_that_is_not_there(site: Path) -> None:
    install(site, "gone", good())
    (site / "demo_gone.py").unlink()
    host = fresh_host()
    assert host.facts("gone") is None
    assert "demo_gone" in str(host.problem("gone"))


@pytest.mark.parametrize("name", RESERVED_NAMES)
def test_the_core_keeps_its_commands(site: Path, name: str) -> None:
    install(site, name, good())
    assert reason(name) == f"the command '{name}' belongs to ganlab itself"


def test_a_taken_command_names_its_owner(site: Path) -> None:
    install(site, "same", good("first"), distribution="demo-a")
    install(site, "same", good("second"), distribution="demo-b", module="demo_other")
    host = fresh_host()
    assert list(host.offers("same")) == ["first"]
    (problem,) = [problem for problem in host.problems if problem.name == "same"]
    assert problem.distribution == "demo-b 1.0"
    assert "belongs to demo-a 1.0 already" in problem.reason


def test_built_in_plugins_come_first(site: Path) -> None:
    install(site, "probe", good("probe"), distribution="aaa")
    host = fresh_host()
    assert host.entries["probe"].builtin
    assert "belongs to ganlab" in next(problem.reason for problem in host.problems if problem.distribution == "aaa 1.0")


@pytest.mark.parametrize("name", ["--help", "two words", "späße", "_demo"])
def test_names_that_cannot_be_commands(site: Path, name: str) -> None:
    install(site, name, good(), module="demo_named", distribution="demo-named")
    assert "cannot be a command: it must be of a-z, A-Z, 0-9, '-', '_' and '.', a letter or digit first" in reason(name)


def test_an_entry_point_must_name_a_module(site: Path) -> None:
    install(site, "object", good())
    points = site / "demo_object-1.0.dist-info/entry_points.txt"
    points.write_text("[ganlab]\nobject = demo_object:plugin\n")
    assert "must name a module" in reason("object")


@pytest.mark.parametrize("requires", ["ganlab>=99", "ganlab ==0.0.1", "GANLAB<0.0.1; python_version > '3'"])
def test_a_plugin_for_another_ganlab_is_not_imported(site: Path, requires: str) -> None:
    install(site, "old", "raise SystemExit", requires=requires)
    assert "it needs ganlab" in reason("old")


@pytest.mark.parametrize("requires", ["ganlab>=0.0.1", "ganlab", "ganlab-extras>=99", "ganlab>=99; extra == 'test'"])
def test_a_plugin_for_this_ganlab_is_welcome(site: Path, requires: str) -> None:
    install(site, "fine", good(), requires=requires)
    assert fresh_host().offers("fine")


def test_an_unreadable_requirement(site: Path) -> None:
    install(site, "odd", good(), requires="ganlab >>> 3")
    assert "cannot be read" in reason("odd")


def test_unreadable_metadata_costs_only_its_own_package(site: Path) -> None:
    install(site, "fine", good())
    broken = site / "demo_broken-1.0.dist-info"
    broken.mkdir()
    (broken / "entry_points.txt").write_bytes(b"[ganlab]\nx = \xff\xfe\n")
    host = fresh_host()
    assert host.offers("fine")
    assert any("entry_points.txt" in problem.reason for problem in host.problems)


def test_metadata_is_parsed_once_however_many_plugins_a_package_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, parsed = Distribution.metadata.fget, []  # type: ignore[attr-defined]

    def note(distribution: Distribution) -> PackageMetadata:
        parsed.append(parse(distribution)["Name"])
        return parse(distribution)

    monkeypatch.setattr(Distribution, "metadata", property(note))
    entries, _, _ = find_entries()
    assert sum(entry.builtin for entry in entries.values()) > 10
    assert parsed.count("ganlab") == 1


def test_disabling(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "off", "raise SystemExit")
    monkeypatch.setenv("GANLAB_DISABLE", "off, nobody")
    host = fresh_host()
    assert "off" not in host.entries
    assert host.disabled == ["off"]
    assert [problem.name for problem in host.problems] == ["nobody"]


def test_data_sets_are_found_without_importing_further_plugins(site: Path) -> None:
    install(site, "aa-data", DATASET.format(name="squares"))
    install(site, "zz-data", DATASET.format(name="circles"))
    host = fresh_host()
    assert host.datasets()["squares"].name == "squares"
    assert "demo_zz_data" not in sys.modules
    assert {"squares", "circles"} <= set(host.datasets())
    with pytest.raises(KeyError):
        host.datasets()["triangles"]


def test_a_taken_data_set_refuses_the_second_plugin(site: Path) -> None:
    install(site, "aa-data", DATASET.format(name="squares"))
    install(site, "zz-data", DATASET.format(name="squares"))
    host = fresh_host()
    assert list(host.datasets()).count("squares") == 1
    assert str(host.problem("zz-data")).endswith("the data set 'squares' belongs to plugin 'aa-data' already")
    assert "zz-data" in host.left_out()


def test_the_core_comes_in_by_its_own_hooks() -> None:
    host = fresh_host()
    assert "dcgan" in host.architectures()
    assert next(host.checkpoint_formats()).name == "ganlab"


def test_a_hook_that_asks_the_host_does_not_recurse(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = "    from ganlab.plugins import host\n    list(host().datasets())\n    return"
    install(site, "curious", DATASET.format(name="squares").replace("    return", asking))
    host = fresh_host()
    monkeypatch.setattr("ganlab.plugins.host", lambda: host)
    assert "squares" in host.datasets()


def test_what_a_plugin_prints_on_import_stays_off_standard_output(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "fine", good() + "\nprint('hello')\n")
    fresh_host().offers("fine")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hello" in captured.err


def test_a_loose_file(tmp_path: Path) -> None:
    file = tmp_path / "loose.py"
    file.write_text(good("loose"))
    host = fresh_host()
    assert host.add_file(file) is None
    assert list(host.offers("loose")) == ["loose"]
    forget_modules()


@pytest.mark.parametrize("name", ["train.py", "probe.py"])
def test_a_loose_file_with_a_taken_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(good("taken"))
    problem = fresh_host().add_file(tmp_path / name)
    assert problem is not None
    assert "belongs to" in problem.reason


def test_a_loose_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match="no plugin file"):
        fresh_host().add_file(tmp_path / "nothing.py")
    (tmp_path / "plugin.txt").write_text("")
    with pytest.raises(GanlabError, match=r"no \.py file"):
        fresh_host().add_file(tmp_path / "plugin.txt")


def test_every_hook_is_documented_and_checked() -> None:
    assert set(HOOKS) == set(KINDS) == {*COMMAND_HOOKS, *PROVIDER_HOOKS}
    for hook in HOOKS:
        words = getattr(hookspecs, hook).__doc__
        assert "Called when" in words, "says when it is called"
        assert f"def {hook}" in words, "shows an example"
