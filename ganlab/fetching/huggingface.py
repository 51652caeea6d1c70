"""Files of the Hugging Face Hub: ``hf:OWNER/REPO/FILE@REVISION``, from its local cache or over https."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from ganlab.errors import GanlabError
from ganlab.fetching.download import Wanted
from ganlab.fetching.places import Place, digest, read_note, write_note
from ganlab.fetching.web import check_address, read_small
from ganlab.wording import few

PREFIX = "hf:"
PUBLIC = "https://huggingface.co"
WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
SUFFIXES = (
    ".safetensors",
    ".pt",
    ".pth",
    ".pkl",
    ".pickle",
    ".bin",
    ".ckpt",
    ".h5",
    ".hdf5",
    ".keras",
    ".npz",
    ".onnx",
)
OWN = ("card.toml", "weights.safetensors")  # a checkpoint folder of ganlab's
OWN_TOO = "boxes.json"
LARGEST_LISTING = 8 << 20  # bytes
TOLD = 8  # files named in an error


@dataclass(frozen=True)
class HubFile:
    """A file of a repository, or the repository where ``file`` is empty."""

    owner: str
    repo: str
    file: str
    revision: str

    @classmethod
    def from_spec(cls, spec: str) -> HubFile:
        """Read ``hf:OWNER/REPO[/FILE][@REVISION]``.

        Raises:
            GanlabError: it does not look like that.
        """
        path, _, revision = spec.removeprefix(PREFIX).partition("@")
        owner, _, rest = path.partition("/")
        repo, _, file = rest.partition("/")
        named = all(WORD.fullmatch(word) for word in (owner, repo))
        if not named or not _stays_inside(file or "file") or not _stays_inside(revision or "main"):
            raise GanlabError(
                f"{spec} is no file of the Hugging Face Hub.", "Write hf:OWNER/REPO/FILE or hf:OWNER/REPO@REVISION."
            )
        return cls(owner, repo, file, revision or "main")

    def wanted(self, file: str, sha256: str | None) -> Wanted:
        """One of the repository's files."""
        url = f"{self._endpoint()}/{self.owner}/{self.repo}/resolve/{quote(self.revision, safe='')}/{quote(file)}"
        path = PurePosixPath(file)
        place = Place(("hf", self.owner, self.repo, self.revision, *path.parent.parts), path.name)
        return Wanted((check_address(url),), place, sha256, os.environ.get("HF_TOKEN", ""))

    def choice(self, *, online: bool, again: bool = False) -> dict[str, str | None] | None:
        """Which files to have, and their sha256 where the Hub says it; None where only the Hub knows.

        Args:
            online: whether the Hub may be asked which files there are.
            again: ask it even where it has been asked before.

        Raises:
            GanlabError: the Hub cannot be asked, or no file can be chosen.
        """
        if self.file:
            return {self.file: None}
        memo = Place(("choices", self.owner, self.repo), self.revision).state(".json")
        known = {str(file): None if sha256 is None else str(sha256) for file, sha256 in read_note(memo).items()}
        if known and not again and all(map(_stays_inside, known)):
            return known
        if not online:
            return None
        files = self._listing()
        chosen = {file: files[file] for file in self._choose(list(files))}
        if not chosen:
            raise GanlabError(
                f"{self._name()} holds no checkpoint.", f"It holds: {few(sorted(files), TOLD) or 'nothing'}."
            )
        write_note(memo, chosen)
        return chosen

    def local(self, sha256: str | None = None) -> Path | None:
        """The file in the Hub's own cache on this machine; for a repository the only checkpoint in it."""
        snapshot = self._snapshot()
        if snapshot is None:
            return None
        file = self.file
        if not file:
            there = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*") if path.is_file()]
            chosen = self._choose(there)
            if len(chosen) > 1:
                return snapshot
            file = chosen[0] if chosen else ""
        path = snapshot / file
        if not path.is_file() or (sha256 is not None and digest(path) != sha256):
            return None
        return path

    def _snapshot(self) -> Path | None:
        home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
        cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
        repo = cache / f"models--{self.owner}--{self.repo}"
        named = repo / "refs" / self.revision
        try:
            commit = named.read_text(encoding="utf-8").strip() if named.is_file() else self.revision
        except (OSError, ValueError):
            return None
        snapshot = repo / "snapshots" / commit
        return snapshot if WORD.fullmatch(commit) and snapshot.is_dir() else None

    def _choose(self, files: list[str]) -> list[str]:
        """What to take of a repository: ganlab's own folder, else the only checkpoint; empty where there is none."""
        if all(file in files for file in OWN):
            return [file for file in (*OWN, OWN_TOO) if file in files]
        likely = [file for file in files if file.lower().endswith(SUFFIXES)]
        if len(likely) > 1:
            example = f"{self._name()}/{min(likely)}"
            raise GanlabError(
                f"{self._name()} holds several checkpoints: {few(sorted(likely), TOLD)}.",
                f"Choose one: {example}",
            )
        return likely

    def _listing(self) -> dict[str, str | None]:
        revision = quote(self.revision, safe="")
        url = f"{self._endpoint()}/api/models/{self.owner}/{self.repo}/revision/{revision}?blobs=true"
        body = read_small(check_address(url), os.environ.get("HF_TOKEN", ""), LARGEST_LISTING)
        try:
            return {
                file: _sha256(sibling)
                for sibling in json.loads(body)["siblings"]
                if _stays_inside(file := str(sibling["rfilename"]))
            }
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise GanlabError(
                f"The list of files of {self._name()} cannot be read.", f"Name the file: {self._name()}/FILE"
            ) from error

    def _endpoint(self) -> str:
        return (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")

    def _name(self) -> str:
        return f"{PREFIX}{self.owner}/{self.repo}"


def _sha256(sibling: dict[str, object]) -> str | None:
    """Large files have their sha256 in the list; small ones have none."""
    large = sibling.get("lfs")
    sha256 = large.get("sha256") if isinstance(large, dict) else None
    return sha256 if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256) else None


def _stays_inside(path: str) -> bool:
    """Whether a path from elsewhere names something below where it begins."""
    return all(re.fullmatch(r"(?!\.\.?$)[^\\:\x00-\x1f]+", part) for part in path.split("/"))
