"""Checkpoints from elsewhere: from servers that behave, from servers that do not, and without a network."""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ganlab.errors import GanlabError
from ganlab.fetching import download, fetch, fetched, places, web
from ganlab.fetching.places import fetched_folder, safe_name
from tests.web_kit import BODY, SHA, Page, Site, fetched_files, parts, quick, refused, site  # noqa: F401 (quick is a fixture)


@pytest.fixture
def server() -> Iterator[Site]:
    with site() as up:
        yield up


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
    with pytest.raises(GanlabError, match="'abc' is no sha256"):
        fetch(url, sha256="abc")


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed on this system")
def test_a_lock_that_leads_elsewhere_is_not_opened(server: Site, tmp_path: Path) -> None:
    url = server.put("/G.pth", BODY)
    fetch(url)
    lock = next(fetched_folder().rglob("*.lock"))
    lock.write_text("kept")
    fetch(url, again=True)
    assert lock.read_text() == "kept"
    (tmp_path / "precious").write_text("kept")
    lock.unlink()
    lock.symlink_to(tmp_path / "precious")
    with pytest.raises(GanlabError, match="cannot be used"):
        fetch(url, again=True)
    assert (tmp_path / "precious").read_text() == "kept"


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
    next(fetched_folder().rglob("*.pin.json")).write_text("[" * 100_000)
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
        ({"status": 302, "headers": {"Location": "file:///etc/passwd"}}, "never to a file"),
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
    server.put("/store/abc", BODY, breaks=1, breaks_after=1 << 18)
    url = server.put("/G.pth", status=302, headers={"Location": "/store/abc"})
    assert fetch(url).name == "G.pth"
    assert fetched(url) is not None
    assert server.served == len(BODY)  # it goes on through a redirect too


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


def test_a_full_disk(server: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ganlab.writing.to_disk", lambda *paths: None)  # notes are smaller
    monkeypatch.setattr(os, "fsync", full)
    assert "with room" in refused(server.put("/G.pth", BODY), "is full").hint


def test_https_asks_for_https(server: Site) -> None:
    refused(server.put("/G.pth", BODY).replace("http:", "https:"), "There is no safe connection to 127")
