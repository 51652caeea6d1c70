"""How much may be unpacked of a file that anybody may have made."""

from __future__ import annotations

from pathlib import Path

from ganlab import GanlabError

# weights hardly compress, but statistics that were never updated do; a bomb is a thousand times smaller
MOST_TIMES, FREE = 16, 16 << 20
AGAIN = "Fetch or copy it again."


class Budget:
    """The bytes that may still be unpacked of a file, or of ``size`` bytes inside it: some times as many as it has."""

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path, self.left = path, max(FREE, MOST_TIMES * (path.stat().st_size if size is None else size))

    def take(self, size: int, what: str) -> None:
        """Set so many bytes aside for a part of the file.

        Raises:
            GanlabError: all parts together would be far larger than the file can be.
        """
        self.left -= size
        if self.left < 0:
            raise GanlabError(f"{what} in {self.path} claims far more than a file of its size can hold.", AGAIN)
