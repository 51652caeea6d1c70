"""A web server on this machine that serves a file well, or goes wrong in the ways servers do."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ganlab.errors import GanlabError
from ganlab.fetching import download, fetch, web
from ganlab.fetching.places import fetched_folder

CHUNK = 1 << 14
BODY = os.urandom(1 << 20) + os.urandom(12345)
SHA = hashlib.sha256(BODY).hexdigest()


@dataclass
class Page:
    """What lies at a path, and how it is served.

    Attributes:
        body: its bytes.
        etag: sent as it is, with its quotes; "" sends none.
        ranges: whether parts are served.
        obeys_if_range: whether a changed ETag makes it send the whole.
        status: what it answers, where not 200 or 206.
        headers: sent too, instead of its own of the same name.
        breaks_after: bytes after which the connection is cut, the first ``breaks`` times.
        stalls: seconds to wait instead of cutting it.
        after_break: what the page does to itself then.
    """

    body: bytes = b""
    etag: str = '"one"'
    ranges: bool = True
    obeys_if_range: bool = True
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    breaks_after: int = 0
    breaks: int = 0
    stalls: float = 0.0
    after_break: Callable[[Page], None] = lambda page: None


class Site:
    """Pages by path, and what was asked of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.served = 0  # bytes of bodies
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}

    def put(self, path: str, body: bytes = b"", **how: object) -> str:
        """Lay a page at a path; returns its address."""
        self.pages[path] = Page(body, **how)  # type: ignore[arg-type]
        return self.url + path

    def sent(self, path: str) -> list[dict[str, str]]:
        """The headers of the requests for a path, in small letters."""
        return [headers for asked, headers in self.asked if asked == path]


@contextmanager
def site() -> Iterator[Site]:
    """A site that is up inside the with-block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.site = Site(f"http://127.0.0.1:{server.server_address[1]}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.site  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        if self.path in site.answers:
            site.answers[self.path](self)
            return
        page = site.pages.get(self.path)
        if page is None:
            self.send_error(404)
            return
        start = self._start(page)
        if start is not None and start >= len(page.body) and not page.status:
            self.send_error(416)
            return
        self._send(site, page, start)

    def _start(self, page: Page) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        changed = condition is not None and condition != page.etag and page.obeys_if_range
        return int(asked[1]) if asked and page.ranges and not changed else None

    def _send(self, site: Site, page: Page, start: int | None) -> None:
        body = page.body[start or 0 :]
        headers = {"Content-Length": str(len(body)), "Content-Type": "application/octet-stream"}
        if page.etag:
            headers["ETag"] = page.etag
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{len(page.body) - 1}/{len(page.body)}"
        self.send_response(page.status or (200 if start is None else 206))
        for name, value in {**headers, **page.headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        for place in range(0, len(body), CHUNK):
            if page.breaks and place >= page.breaks_after:
                page.breaks -= 1
                page.after_break(page)
                time.sleep(page.stalls)
                self.close_connection = True
                return
            try:
                self.wfile.write(body[place : place + CHUNK])
            except OSError:
                return
            site.served += len(body[place : place + CHUNK])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setattr(web, "TIMEOUT", 5.0)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)


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
