"""Open a tampered checkpoint and watch what that does beside."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ganlab import GanlabError, load_gan
from tests.mutations import Case

FORBIDDEN = {
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "pty.spawn", "subprocess.Popen"),
    *("socket.connect", "socket.bind", "urllib.Request", "webbrowser.open", "builtins.input"),
}
# what they may do below the folder of temporary files only, as torch does while it looks whether a file is a tar
CHANGING = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}
CHANGING |= {"shutil.rmtree", "shutil.move", "shutil.copyfile"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_seen: list[str] | None = None
_hooked = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
    if event in FORBIDDEN or ((opens or event in CHANGING) and not _temporary(arguments[0])):
        _seen.append(f"{event}{arguments[:2]!r}")


def _temporary(path: Any) -> bool:
    return str(path).startswith((tempfile.gettempdir(), os.devnull))


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is done inside the block beside reading: processes, connections, files written or removed."""
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked = True
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None


def opened(case: Case) -> tuple[str, str]:
    """ "loaded", "told" or "crashed", and the words that say why."""
    there = set(case.canary.parent.rglob("*"))
    with watched() as done:
        try:
            gan = load_gan(str(case.path))
            with torch.no_grad():
                label = None if gan.classes is None else 0
                gan.generate(gan.latents(1, label=label))
            outcome, words = "loaded", ""
        except GanlabError as error:
            outcome, words = "told", str(error)
            if not error.hint or "Traceback" in words or "not prepared for" in words:
                outcome, words = "crashed", traceback.format_exc()[-400:]
        except BaseException:
            outcome, words = "crashed", traceback.format_exc()[-400:]
            if not isinstance(sys.exc_info()[1], Exception):
                raise
    if done:
        return "crashed", f"{outcome}, but it did {done[:3]}"
    strange = set(case.canary.parent.rglob("*")) - there
    if strange or Path(tempfile.gettempdir(), "ganlab-canary").exists():
        return "crashed", f"{outcome}, but there is {sorted(map(str, strange))[:3]}"
    return outcome, words
