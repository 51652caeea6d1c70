"""The one exception for what a user can mend."""

from __future__ import annotations


class GanlabError(Exception):
    """A mistake the user can mend: one sentence, and a hint at what to do instead.

    The command line prints both without a traceback and ends with exit code 2.

    Args:
        message: what is wrong, and where.
        hint: what to do instead; empty where nobody could say.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
