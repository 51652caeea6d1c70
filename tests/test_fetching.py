"""Checkpoints from elsewhere: from servers that behave, from servers that do not, and without a network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ganlab import fetching
from ganlab.checkpoints import load_gan, save_gan
from ganlab.errors import GanlabError
from ganlab.fetching import download, fetch, fetched, load_hub, places, registry, web
from ganlab.fetching.places import fetched_folder, safe_name
from ganlab.testing import tiny_gan
from tests.web_kit import Page, Site, site

BODY = os.urandom(1 << 20) + os.urandom(12345)
SHA = hashlib.sha256(BODY).hexdigest()
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setattr(web, "TIMEOUT", 5.0)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Site]:
    with site() as up:
        yield up


def refused(spec: str, expected: str, **how: object) -> GanlabError:
    with pytest.raises(GanlabError, match=expected) as caught:
        fetch(spec, **how)  # type: ignore[arg-type]
    assert caught.value.hint
    assert fetched_files() == []
    return caught.value


def fetched_files() -> list[str]:
    """What lies in the cache as whole."""
    folder = fetched_folder()
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in paths if path.parts[0] != ".state")


def parts() -> list[Path]:
    return list(fetched_folder().rglob("*.part"))


# a server that behaves


def test_a_file_is_fetched_once(server: Site, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.put("/nets/G.pth", BODY)
    assert fetched(url) is None
    path = fetch(url)
    assert path.read_bytes() == BODY
    assert path.name == "G.pth"
    assert SHA in capsys.readouterr().err  # what it is held to from now on
    assert fetch(url) == path == fetched(url)
    assert server.served == len(BODY)
    assert parts() == []
    assert path.is_relative_to(Path(os.environ["GANLAB_CACHE"]))


def test_a_hash_is_checked(server: Site, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.put("/G.pth", BODY)
    refused(f"{url}#sha256={'0' * 64}", "is not the file it should be")
    assert parts() == []
    assert fetch(f"{url}#sha256={SHA.upper()}").read_bytes() == BODY
    assert "nobody said" not in capsys.readouterr().err
    assert fetched(url, sha256=SHA) is not None
    assert fetched(url, sha256="0" * 64) is None
    with pytest.raises(GanlabError, match="64 hexadecimal"):
        fetch(url, sha256="abc")


def test_a_wrong_hash_leaves_the_copy_that_is_there(server: Site) -> None:
    path = fetch(server.put("/G.pth", BODY))
    with pytest.raises(GanlabError, match="not the file it should be"):
        fetch(server.url + "/G.pth", sha256="1" * 64)
    assert fetched(server.url + "/G.pth", sha256=SHA) == path


def test_addresses_do_not_meet(server: Site) -> None:
    specs = [server.put(path, path.encode()) for path in ("/a/G.pth", "/b/G.pth", "/b/G.pth?v=2", "/b/%47.pth")]
    assert [fetch(spec).read_bytes().decode() for spec in specs] == [spec.removeprefix(server.url) for spec in specs]
    assert len({fetch(spec) for spec in specs}) == 4


def test_another_file_than_at_first_is_refused(server: Site) -> None:
    url = server.put("/G.pth", BODY)
    fetch(url).unlink()
    server.put("/G.pth", BODY[::-1])
    refused(url, "not the file that was there at first")
    assert fetch(url, again=True).read_bytes() == BODY[::-1]


def test_a_copy_that_was_changed_is_not_trusted(server: Site) -> None:
    url = server.put("/G.pth", BODY)
    path = fetch(url)
    for damage in (BODY[:-1], b"x" + BODY[1:]):
        path.write_bytes(damage)
        os.utime(path, ns=(1, 1))
        assert fetched(url) is None
        assert fetch(url).read_bytes() == BODY
    os.utime(path, ns=(1, 1))  # as after copying the cache: the same bytes, another time
    assert fetched(url) == path
    next(fetched_folder().rglob("*.pin.json")).write_text("{")
    assert fetched(url) is None


def test_where_the_length_is_not_said(server: Site) -> None:
    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        for piece in (BODY[:70000], BODY[70000:]):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    server.answers["/chunked"] = chunked
    assert fetch(server.url + "/chunked").read_bytes() == BODY
    url = server.put("/endless", BODY, headers={"Content-Length": ""})
    with pytest.raises(GanlabError, match="does not say how long it is"):
        fetch(url)
    assert fetch(url, sha256=SHA).read_bytes() == BODY


# downloads that break


def test_a_broken_download_goes_on_where_it_broke(server: Site) -> None:
    url = server.put("/G.pth", BODY, breaks=2, breaks_after=1 << 18)
    assert fetch(url).read_bytes() == BODY
    assert server.served == len(BODY)  # not one byte twice
    asked = server.sent("/G.pth")
    assert [headers.get("range") for headers in asked] == [None, f"bytes={1 << 18}-", f"bytes={1 << 19}-"]
    assert asked[1]["if-range"] == '"one"'


def test_an_interrupted_download_goes_on_in_the_next_run(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.put("/G.pth", BODY, breaks=1, breaks_after=1 << 19)
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    failed = refused(url, "did not come whole")
    assert "512.0 kiB have come and are kept" in failed.hint
    assert parts()[0].stat().st_size == 1 << 19
    assert fetched(url) is None
    assert fetch(url).read_bytes() == BODY
    assert server.served == len(BODY)


def test_ctrl_c_keeps_what_has_come(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.put("/G.pth", BODY)

    def interrupted(blocks: object, description: str) -> Iterator[bytes]:
        yield next(iter(blocks))  # type: ignore[call-overload]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download, "progress", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(url)
    assert fetched_files() == []
    assert parts()[0].stat().st_size == 1 << 20
    assert fetch(url).read_bytes() == BODY
    assert server.sent("/G.pth")[1]["range"] == f"bytes={1 << 20}-"


def test_a_server_without_ranges_sends_it_all_again(server: Site) -> None:
    url = server.put("/G.pth", BODY, ranges=False, breaks=1, breaks_after=1 << 18)
    assert fetch(url).read_bytes() == BODY
    assert server.served == len(BODY) + (1 << 18)


@pytest.mark.parametrize("obeys", [True, False])
def test_a_file_that_changes_midway_is_not_pieced_together(server: Site, obeys: bool) -> None:
    def change(page: Page) -> None:
        page.body, page.etag = BODY[::-1], '"two"'

    url = server.put("/G.pth", BODY, breaks=1, breaks_after=1 << 18, after_break=change, obeys_if_range=obeys)
    assert fetch(url).read_bytes() == BODY[::-1]


def test_a_file_that_shrinks_midway(server: Site) -> None:
    def change(page: Page) -> None:
        page.body, page.etag = BODY[:1000], '"two"'

    url = server.put("/G.pth", BODY, breaks=1, breaks_after=1 << 18, after_break=change, obeys_if_range=False)
    assert fetch(url).read_bytes() == BODY[:1000]


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_without_a_version_only_a_hash_lets_it_go_on(server: Site, etag: str) -> None:
    how = {"etag": etag, "breaks": 1, "breaks_after": 1 << 18}
    assert fetch(server.put("/a.pth", BODY, **how)).read_bytes() == BODY
    assert "range" not in server.sent("/a.pth")[1]
    assert fetch(server.put("/b.pth", BODY, **how), SHA).read_bytes() == BODY
    assert server.sent("/b.pth")[1]["range"] == f"bytes={1 << 18}-"


def test_halves_of_two_versions_are_noticed_by_the_hash(server: Site) -> None:
    def change(page: Page) -> None:
        page.body = BODY

    url = server.put("/G.pth", BODY[::-1], etag="", breaks=1, breaks_after=1 << 18, after_break=change)
    assert fetch(url, SHA).read_bytes() == BODY


def test_a_download_that_ended_before_it_was_put_in_place(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = server.put("/G.pth", BODY)
    with monkeypatch.context() as patch:
        patch.setattr(places.Place, "accept", lambda *_: pytest.exit("killed"))
        with pytest.raises(pytest.exit.Exception):
            fetch(url)
    assert fetched(url) is None
    assert fetch(url).read_bytes() == BODY


def test_a_server_that_stalls(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT", 0.2)
    url = server.put("/G.pth", BODY, breaks=1, breaks_after=1 << 18, stalls=0.6)
    assert fetch(url).read_bytes() == BODY
    assert server.served == len(BODY)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    server.answers["/never"] = lambda handler: threading.Event().wait(0.6)
    refused_url = server.url + "/never"
    with pytest.raises(GanlabError, match="broke off: timed out"):
        fetch(refused_url)


def test_a_busy_server_is_asked_again(server: Site) -> None:
    url = server.put("/G.pth", BODY, status=503)
    refused(url, "503 Service Unavailable")
    assert len(server.sent("/G.pth")) == download.ATTEMPTS


def test_a_server_that_never_sends_it_whole(server: Site) -> None:
    refused(server.put("/G.pth", BODY, breaks=99, breaks_after=0), "did not come whole")
    url = server.put("/H.pth", BODY[:1000], headers={"Content-Length": "2000"}, ranges=False)
    refused(url, "broke off after 1000 bytes of 2.0 kiB")


def test_more_than_was_declared_is_not_read(server: Site) -> None:
    url = server.put("/G.pth", BODY, headers={"Content-Length": "1000"})
    assert fetch(url).read_bytes() == BODY[:1000]
    with pytest.raises(GanlabError, match="not the file it should be"):
        fetch(url, SHA)


def test_too_large_is_refused_before_it_is_read(server: Site) -> None:
    url = server.put("/G.pth", BODY, headers={"Content-Length": str(1 << 62)})
    refused(url, r"larger than 4\.0 GiB")
    assert parts() == []
    refused(server.put("/H.pth", BODY), r"larger than 1\.0 kiB", largest=1024)


def test_a_body_without_an_end_is_cut_off(server: Site) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            try:
                handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            except OSError:
                return

    server.answers["/endless"] = endless
    refused(server.url + "/endless", r"larger than 2\.0 MiB", largest=2 << 20)
    assert parts() == []


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"status": 404}, "There is nothing at"),
        ({"status": 410}, "There is nothing at"),
        ({"status": 401}, "not for everybody"),
        ({"status": 403}, "not for everybody"),
        ({"status": 418}, "answers 418"),
        ({"status": 204, "body": b""}, "answers 204"),
        ({"status": 206}, "another part than it was asked for"),
        ({"body": b""}, "is empty"),
        ({"headers": {"Content-Type": "text/html; charset=utf-8"}}, "a page about a file"),
        ({"headers": {"Content-Encoding": "gzip"}}, r"packed \(gzip\)"),
        ({"headers": {"Content-Length": "many"}}, "does not say how long"),
        ({"headers": {"Content-Length": "-1"}}, "does not say how long"),
        ({"status": 302, "headers": {"Location": "/G.pth"}}, "never to a file"),
        ({"status": 302, "headers": {"Location": "file:///etc/passwd"}}, "only https"),
        ({"status": 302, "headers": {"Location": "http://example.com/G.pth"}}, "only https"),
        ({"status": 302, "headers": {"Location": "ftp://127.0.0.1/G.pth"}}, "only https"),
        ({"status": 302}, "never to a file"),
    ],
)
def test_answers_that_are_no_file(server: Site, how: dict[str, object], expected: str) -> None:
    refused(server.put("/G.pth", **{"body": BODY, **how}), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"\xff" * 999]
)
def test_answers_that_are_no_http(server: Site, answer: bytes) -> None:
    server.answers["/G.pth"] = lambda handler: handler.wfile.write(answer) and None
    refused(server.url + "/G.pth", "did not come whole")


def test_redirects_are_followed_and_the_first_address_counts(server: Site) -> None:
    server.put("/store/abc", BODY)
    url = server.put("/G.pth", status=302, headers={"Location": "/store/abc"})
    assert fetch(url).name == "G.pth"
    assert fetched(url) is not None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("http://example.com/G.pth", "only https"),
        ("http://localhost.example.com/G.pth", "only https"),
        ("https://", "names no host"),
        ("https:G.pth", "names no host"),
        ("https://me:secret@example.com/G.pth", "user's name"),
        ("https://example.com:many/G.pth", "is no address"),
        ("https://[::1/G.pth", "is no address"),
        ("https://exämple.com/G.pth", "names no host"),
        ("nowhere", "nothing that can be fetched"),
        ("hf:", "no file of the Hugging Face Hub"),
    ],
)
def test_addresses_that_are_not_fetched(spec: str, expected: str) -> None:
    assert "secret" not in refused(spec, expected).message


def test_names_stay_inside_the_cache(server: Site) -> None:
    for path in (
        "/..%2f..%2f..%2fevil.pth",
        "/%2e%2e",
        "/.bashrc",
        "/a%00b",
        "/" + "n" * 200 + ".pth",
        "/%5c..%5cx",
        "/",
    ):
        found = fetch(server.put(path, BODY))
        assert found.resolve().is_relative_to(fetched_folder().resolve())
        assert found.parents[2] == fetched_folder()
        assert len(found.name) <= places.LONGEST_NAME
    assert safe_name("a b.pth") != safe_name("a_b.pth")
    assert safe_name("a b.pth").endswith(".pth")
    assert safe_name("generator_weights.data-00000-of-00001") == "generator_weights.data-00000-of-00001"


def test_two_at_once_fetch_it_once(server: Site, capsys: pytest.CaptureFixture[str]) -> None:
    url = server.put("/G.pth", BODY, breaks=1, breaks_after=1 << 18, stalls=0.3)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(url))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert server.served == len(BODY)
    assert "Waiting for another process" in capsys.readouterr().err


# without a network


def test_offline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with site() as up:
        url = up.put("/G.pth", BODY)
        path = fetch(url)
    assert fetch(url) == path
    assert fetch(url, again=True) == path
    assert re.search("offline.*The copy in the cache is used", capsys.readouterr().err)
    with pytest.raises(GanlabError, match="seems to be offline: Connection refused"):
        fetch(url.replace("G.pth", "H.pth"))

    def no_names(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GanlabError, match="seems to be offline: Temporary failure in name resolution"):
        fetch("https://example.com/G.pth")


def test_a_cache_that_cannot_be_written(server: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANLAB_CACHE", str(tmp_path / "file"))
    with pytest.raises(GanlabError, match="cannot be used") as caught:
        fetch(server.put("/G.pth", BODY))
    assert "GANLAB_CACHE" in caught.value.hint


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
        ({f"{number}.pt": None for number in range(20)}, r"15\.pt, \.\.\. "),
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
    for name, entry in registry.entries().items():
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
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    from ganlab.cli import main

    def run(*words: str) -> tuple[int, str, str]:
        code = main(["checkpoints", "fetch", *words])
        return code, *capfd.readouterr()

    return run


def test_the_command(server: Site, run: Callable[..., tuple[int, str, str]]) -> None:
    url = server.put("/G.pth", BODY)
    code, out, err = run(f"{url}#sha256={SHA}")
    assert code == 0
    assert out.splitlines() == [str(fetched(url)), f"G.pth: 1.0 MiB, sha256 {SHA}"]
    assert f"To use it: --gan {url}\n" in err
    code, _, err = run(server.url + "/H.pth")
    assert code == 2
    assert "There is nothing at" in err
    assert run(server.put("/I.pth", BODY), "--largest", "0.0001")[0] == 2


def test_the_command_lists_what_has_a_name(run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = run()
    assert code == 0
    for name, entry in fetching.entries().items():
        assert name in out
        assert entry.licence in out
