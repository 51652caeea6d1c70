"""Checkpoints by the names others gave them: the Hugging Face Hub, public GANs, torch.hub, and the command."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganlab import fetching
from ganlab.checkpoints import load_gan, save_gan
from ganlab.errors import GanlabError
from ganlab.fetching import fetch, fetched, load_hub, places, registry
from ganlab.fetching.places import fetched_folder, safe_name
from ganlab.testing import tiny_gan
from tests.kit import Run, command
from tests.web_kit import BODY, SHA, Site, quick, refused, site  # noqa: F401 (quick is a fixture)


@pytest.fixture
def server() -> Iterator[Site]:
    with site() as up:
        yield up


# the Hugging Face Hub


@pytest.fixture
def hub(server: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("HF_ENDPOINT", server.url + "/")
    return server


def listing(hub: Site, files: dict[str, str | None], revision: str = "main") -> None:
    siblings = [{"rfilename": name, **({"lfs": {"sha256": sha}} if sha else {})} for name, sha in files.items()]
    hub.put(f"/api/models/me/gan/revision/{revision}?blobs=true", json.dumps({"siblings": siblings}).encode())


def test_a_file_of_the_hub(hub: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.put("/me/gan/resolve/main/nets/G%20one.pth", BODY)
    hub.put("/me/gan/resolve/refs%2Fpr%2F1/G.pth", BODY[::-1])
    assert fetch("hf:me/gan/nets/G one.pth").read_bytes() == BODY
    assert fetch("hf:me/gan/G.pth@refs/pr/1").read_bytes() == BODY[::-1]
    assert fetched("hf:me/gan/G.pth") is None
    assert "authorization" not in hub.sent("/me/gan/resolve/main/nets/G%20one.pth")[0]
    assert fetched(f"hf:me/gan/nets/G one.pth#sha256={SHA}") is not None


def test_the_token_stays_with_the_hub(hub: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with site() as elsewhere:
        there = elsewhere.put("/blob", BODY)
        hub.put("/me/gan/resolve/main/G.pth", status=307, headers={"Location": "/me/moved/G.pth"})
        hub.put("/me/moved/G.pth", status=302, headers={"Location": there})
        fetch("hf:me/gan/G.pth")
        assert "authorization" not in elsewhere.sent("/blob")[0]
    assert hub.sent("/me/gan/resolve/main/G.pth")[0]["authorization"] == "Bearer hf_secret"
    assert hub.sent("/me/moved/G.pth")[0]["authorization"] == "Bearer hf_secret"
    kept = [path.read_bytes() for path in fetched_folder().rglob("*") if path.is_file()]
    assert not any(b"hf_secret" in content for content in kept)


def test_the_only_checkpoint_of_a_repository(hub: Site) -> None:
    listing(hub, {"README.md": None, "nets/G.safetensors": SHA})
    hub.put("/me/gan/resolve/main/nets/G.safetensors", BODY)
    assert fetched("hf:me/gan") is None
    path = fetch("hf:me/gan")
    assert path.read_bytes() == BODY
    assert fetched("hf:me/gan") == path == fetched("hf:me/gan/nets/G.safetensors")
    listing(hub, {"nets/H.safetensors": "0" * 64})
    hub.put("/me/gan/resolve/main/nets/H.safetensors", BODY)
    assert fetch("hf:me/gan") == path
    with pytest.raises(GanlabError, match="not the file it should be"):  # the list says another hash
        fetch("hf:me/gan", again=True)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.pt": None, "b.pt": None}, r"several checkpoints: a\.pt, b\.pt\. Choose one: hf:me/gan/a\.pt"),
        ({f"{number}.pt": None for number in range(20)}, r"15\.pt and 12 more\. "),
        ({"README.md": None}, r"holds no checkpoint\. It holds: README\.md"),
        ({}, "It holds: nothing"),
        ({"../../evil.pt": None, "/evil.pt": None, "a/../../evil.pt": None, "C:\\evil.pt": None}, "holds: nothing"),
    ],
)
def test_a_repository_without_an_only_checkpoint(hub: Site, files: dict[str, str | None], expected: str) -> None:
    listing(hub, files)
    error = refused("hf:me/gan", "hf:me/gan holds")
    assert re.search(expected, f"{error.message} {error.hint}")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"siblings": [1]}', b"\xff", b"[" * 99999, b"x" * (9 << 20)])
def test_lists_that_are_none(hub: Site, body: bytes) -> None:
    hub.put("/api/models/me/gan/revision/main?blobs=true", body)
    refused("hf:me/gan", "cannot be read|without an end")


def test_a_folder_of_the_hub(hub: Site) -> None:
    folder = fetched_folder().parent / "made"
    save_gan(tiny_gan(), folder)
    listing(hub, {**{path.name: None for path in folder.iterdir()}, "other.pt": None})
    for path in folder.iterdir():
        hub.put(f"/me/gan/resolve/main/{path.name}", path.read_bytes())
    assert load_gan("hf:me/gan").hash == tiny_gan().hash
    found = fetched("hf:me/gan")
    assert found is not None
    assert found.is_dir()
    (found / "card.toml").unlink()
    assert fetched("hf:me/gan") is None  # half a folder is none


def test_the_hubs_own_cache_comes_first(hub: Site, tmp_path: Path) -> None:
    repo = tmp_path / "hf-home/hub/models--me--gan"
    snapshot = repo / "snapshots/0123abc"
    (snapshot / "nets").mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "blobs/ff").write_bytes(BODY)
    (snapshot / "nets/G.pth").symlink_to("../../../blobs/ff")
    (snapshot / "README.md").write_text("")
    (repo / "refs").mkdir()
    (repo / "refs/main").write_text("0123abc")
    for spec in ("hf:me/gan/nets/G.pth", "hf:me/gan/nets/G.pth@0123abc", "hf:me/gan", f"hf:me/gan#sha256={SHA}"):
        assert fetch(spec) == fetched(spec) == snapshot / "nets/G.pth"
    assert hub.asked == []
    assert fetched("hf:me/gan/nets/G.pth", "0" * 64) is None
    assert fetched("hf:me/gan/H.pth") is None
    (repo / "refs/main").write_text("../../..")
    assert fetched("hf:me/gan/nets/G.pth") is None


@pytest.mark.parametrize(
    "spec",
    ["hf:gan", "hf:me/", "hf:/gan", "hf:../gan/G.pth", "hf:me/../G.pth", "hf:me/gan/../G.pth", "hf:me/gan//etc/passwd",
     "hf:me/gan/G.pth@..", "hf:me/gan/G.pth@../../x", "hf:me/gan/a\\b", "hf:me/gan/G\n.pth", "hf:me/gan/"],
)  # fmt: skip
def test_what_is_no_file_of_the_hub(spec: str, hub: Site) -> None:
    if spec == "hf:me/gan/":
        listing(hub, {})
        refused(spec, "holds no checkpoint")  # the repository, with a stroke too many
        return
    refused(spec, "no file of the Hugging Face Hub")
    with pytest.raises(GanlabError):
        fetched(spec)


# public GANs by name


@pytest.fixture
def public(server: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A registry of two GANs: one file, and a folder of ganlab's own on a second address."""
    folder = fetched_folder().parent / "made"
    save_gan(tiny_gan(), folder)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, content in contents.items():
        server.put(f"/new/{name}", content)
    server.put("/old/G.h5", BODY)
    facts = ("A summary.", "https://example.com/page", "MIT", "a format")
    addresses = (f"{server.url}/old", f"{server.url}/new")
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    known = {
        "one-file": registry.Entry("one-file", *facts, addresses, {"G.h5": SHA}),
        "a-folder": registry.Entry("a-folder", *facts, addresses, hashes),
    }
    monkeypatch.setattr(registry, "entries", lambda: known)
    return server


def test_public_gans_have_names(public: Site) -> None:
    assert fetched("one-file") is None
    assert fetch("one-file").read_bytes() == BODY
    folder = fetch("a-folder")
    assert sorted(path.name for path in folder.iterdir()) == ["card.toml", "weights.safetensors"]
    assert public.sent("/old/card.toml")
    assert public.sent("/new/card.toml")
    served = public.served
    assert fetch("a-folder") == fetched("a-folder") == folder
    assert public.served == served
    with pytest.raises(GanlabError, match="is 2 files"):
        fetched("a-folder", SHA)


def test_a_public_gan_loads_by_its_name(public: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_gan("a-folder").hash == tiny_gan().hash
    with pytest.raises(GanlabError, match=r"no checkpoint 'a-foldr'") as caught:
        load_gan("a-foldr")
    assert "a-folder" in caught.value.hint
    monkeypatch.chdir(tmp_path)
    save_gan(tiny_gan(seed=5), "a-folder")
    assert load_gan("a-folder").hash == tiny_gan(seed=5).hash  # what lies here comes first
    served = public.served
    assert load_gan(f"ganlab:{tmp_path}/a-folder").hash == tiny_gan(seed=5).hash
    assert public.served == served


def test_a_public_gan_that_has_changed(public: Site) -> None:
    public.put("/old/G.h5", BODY[::-1])
    refused("one-file", "is not the file it should be")


def test_the_registry() -> None:
    entries = registry.entries()
    assert entries
    for name, entry in entries.items():
        assert safe_name(name) == name == entry.name
        assert entry.summary.endswith(".")
        assert entry.licence
        assert entry.source.startswith("https://")
        assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in entry.files.values())
        for wanted in entry.wanted():
            assert safe_name(wanted.place.name) == wanted.place.name
            assert all(url.startswith("https://") for url in wanted.urls)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("svhn32-dcgan-authors", "svhn32-theano"),
        ("anime64-darthdaenerys", "anime64-keras-and-tf"),
        ("mnist28-simple-gan", "mnist28-pickled-module"),
    ],
)
def test_the_registrys_hashes_are_those_of_the_files(shared_data: Path, name: str, folder: str) -> None:
    if not (shared_data / "checkpoints" / folder).is_dir():
        pytest.skip("no foreign checkpoints here")
    for file, sha256 in registry.entries()[name].files.items():
        assert places.digest(shared_data / "checkpoints" / folder / file) == sha256


# torch.hub

HUBCONF = """
import torch
from pathlib import Path
Path(__file__).with_name("ran").write_text("")
def generator(pretrained=False):
    return torch.nn.Linear(2, 3 if pretrained else 4)
def plain():
    return torch.nn.Linear(5, 6)
def number():
    return 7
def broken():
    raise OSError("no weights\\nmore")
"""


@pytest.fixture
def hubconf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "hubconf.py").write_text(HUBCONF)
    return folder


def test_code_runs_when_it_is_trusted_only(hubconf: Path) -> None:
    for attempt in (lambda: load_hub("hub:./repo:generator", False), lambda: fetch("hub:./repo:generator")):
        with pytest.raises(GanlabError, match=r"the function generator in hubconf\.py of \./repo") as no:
            attempt()
        assert "--trust" in no.value.hint
    with pytest.raises(GanlabError, match=r"hubconf\.py of github\.com/me/gan, branch main\."):
        load_gan("hub:me/gan@main:G")
    assert not (hubconf / "ran").exists()
    module = load_hub("hub:./repo:generator", True)
    assert module.out_features == 3
    assert load_hub(f"hub:{hubconf}:plain", True).out_features == 6


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hub:./repo:broken", r"OSError: no weights\."),
        ("hub:./repo:number", "makes a int"),
        ("hub:./repo:missing", "could not be opened"),
        ("hub:./nowhere:G", "could not be opened"),
        ("hub:./repo", "names no model"),
        ("hub:gan:G", "names no model"),
        ("hub::G", "names no model"),
        ("hub:me/gan:G()", "names no model"),
    ],
)
def test_what_torch_hub_cannot_open(hubconf: Path, spec: str, expected: str) -> None:
    with pytest.raises(GanlabError, match=expected) as caught:
        load_hub(spec, True)
    assert caught.value.hint


# the command


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    return lambda *words: command(capfd, "checkpoints", "fetch", *words)


def test_the_command(server: Site, run: Run) -> None:
    url = server.put("/G.pth", BODY)
    code, out, err = run(f"{url}#sha256={SHA}")
    assert code == 0
    assert out.splitlines() == [str(fetched(url)), f"G.pth: 1.0 MiB, sha256 {SHA}"]
    assert f"To use it: --gan {url}\n" in err
    code, _, err = run(server.url + "/H.pth")
    assert code == 2
    assert "There is nothing at" in err
    assert run(server.put("/I.pth", BODY), "--largest", "0.0001")[0] == 2


def test_the_command_lists_what_has_a_name(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    for name, entry in fetching.entries().items():
        assert name in out
        assert entry.licence in out
