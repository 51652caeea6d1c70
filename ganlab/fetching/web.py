"""Opening an address: https only, followed with care, and every way it can go wrong in a sentence."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import ganlab
from ganlab.errors import GanlabError

TIMEOUT = 30.0  # seconds without a byte
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
BUSY = {408, 425, 429, 500, 502, 503, 504}


class Offline(GanlabError):
    """The machine at the other end cannot be reached."""


class NothingThere(GanlabError):
    """The address leads nowhere."""


class Broken(Exception):
    """The connection broke or the server is busy: it is worth another try."""


class NoSuchRange(Broken):
    """The file at the address is shorter than the part that is here."""


def check_address(url: str) -> str:
    """The address as it can be sent, without its fragment.

    Raises:
        GanlabError: not https (http goes to this machine only), without a host, or with a password in it.
    """
    try:
        parts = urlsplit(url)
        host, named, _ = parts.hostname, parts.username, parts.port
    except ValueError as error:
        raise GanlabError(f"{url} is no address: {error}.", "Copy it from the browser.") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise GanlabError(
            f"{url} is not fetched, for only https is safe from being read and changed on its way.",
            "Try it with https:, or download it yourself and give the file.",
        )
    if not host or not host.isascii():
        raise GanlabError(f"{url} names no host.", "An address looks like https://host/folder/file.")
    if named is not None:
        raise GanlabError(
            f"The address at {host} has a user's name in it, which would be kept in the cache.",
            "Download the file yourself and give it.",
        )
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~") or "/"
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    return f"{parts.scheme}://{parts.netloc}{path}" + (f"?{query}" if query else "")


def open_address(url: str, headers: Mapping[str, str], token: str = "") -> http.client.HTTPResponse:
    """Ask for what lies at an address; the caller closes the answer.

    Args:
        url: as `check_address` gives it.
        headers: to send, wherever it is redirected to.
        token: to show at this host, and at no other that it redirects to.

    Raises:
        Offline, NothingThere: see there.
        Broken, NoSuchRange: worth another try.
        GanlabError: anything else.
    """
    host = urlsplit(url).netloc
    request = Request(
        url, headers={"User-Agent": f"ganlab/{ganlab.__version__}", "Accept-Encoding": "identity", **headers}
    )
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    here = [ProxyHandler({})] if urlsplit(url).hostname in LOOPBACK else []
    try:
        answer: http.client.HTTPResponse = build_opener(_Redirects, *here).open(request, timeout=TIMEOUT)
        return answer
    except urllib.error.HTTPError as error:
        error.close()
        raise _answered(error, url) from error
    except urllib.error.URLError as error:
        raise _unreachable(error.reason, host) from error
    except (OSError, http.client.HTTPException) as error:
        raise Broken(f"{host} broke off: {_words(error)}") from error


def read_small(url: str, token: str, largest: int) -> bytes:
    """A short answer in one go.

    Raises:
        GanlabError: as `open_address`, or where it breaks off or is longer than ``largest`` bytes.
    """
    try:
        with open_address(url, {}, token) as answer:
            body = answer.read(largest + 1)
    except (Broken, OSError, http.client.HTTPException) as error:
        raise GanlabError(f"{url} did not answer: {_words(error)}.", "Try again later.") from error
    if len(body) > largest:
        raise GanlabError(f"{url} answers without an end.", "Look at the address in a browser.")
    return body


class _Redirects(HTTPRedirectHandler):
    """Follows to addresses that could have been typed; tokens stay with the host they are for."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        before, after = urlsplit(req.full_url), urlsplit(check_address(newurl))
        if before.scheme == "https" and after.scheme != "https":
            raise GanlabError(
                f"{req.full_url} leads on to plain {after.scheme}:, which is not followed.", "Fetch it elsewhere."
            )
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        shown = req.unredirected_hdrs.get("Authorization")
        if following is not None and shown and (before.scheme, before.netloc) == (after.scheme, after.netloc):
            following.add_unredirected_header("Authorization", shown)
        return following


def _answered(error: urllib.error.HTTPError, url: str) -> Exception:
    host = urlsplit(url).netloc
    if error.code in (404, 410):
        return NothingThere(f"There is nothing at {url} ({error.code}).", "Look at the address for a slip.")
    if error.code in (401, 403):
        return GanlabError(
            f"{url} is not there, or not for everybody ({error.code}).",
            "For the Hugging Face Hub, set HF_TOKEN; elsewhere download the file yourself and give it.",
        )
    if error.code == 416:
        return NoSuchRange(f"{host} has no such part of {url}")
    if error.code in BUSY:
        return Broken(f"{host} answers {error.code} {error.reason}")
    if 300 <= error.code < 400:
        return GanlabError(f"{url} leads elsewhere, and never to a file.", "Look at the address in a browser.")
    return GanlabError(f"{host} answers {error.code} {error.reason} to {url}.", "Look at the address in a browser.")


def _unreachable(reason: object, host: str) -> GanlabError:
    if isinstance(reason, ssl.SSLError):
        why = getattr(reason, "verify_message", "") or reason.reason or str(reason)
        return GanlabError(
            f"There is no safe connection to {host}: {why}.",
            "Look at the address, and at this machine's date and certificates (SSL_CERT_FILE).",
        )
    return Offline(
        f"{host} cannot be reached, this machine seems to be offline: {_words(reason)}.",
        "What lies in the cache works offline; or fetch the file elsewhere and give it.",
    )


def _words(reason: object) -> str:
    said = (reason.strerror if isinstance(reason, OSError) else None) or str(reason) or type(reason).__name__
    return said.rstrip(".")
