"""What a command line ended with, in a sentence and a hint on standard error, and the exit code."""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from contextlib import redirect_stderr
from signal import SIGINT, Signals
from typing import TYPE_CHECKING, Any

import typer

from ganlab import locations, screen
from ganlab.errors import GanlabError
from ganlab.plugins import host
from ganlab.shell import shell_word
from ganlab.training.ending import Ended, EndedWithAnother, Stopped
from ganlab.training.processes import speaks_first

if TYPE_CHECKING:
    from ganlab.plugins.metadata import PluginEntry

USER_MISTAKE = 2
CRASH = 1
SIGNALLED = 128  # and the signal's number: 130 after Ctrl-C

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
EXTRA_WORDS = re.compile(r"unexpected extra argument\S* \((.*)\)")
CLICK_ERROR: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def explain(error: BaseException, running: PluginEntry | None) -> int:
    """Say on standard error what went wrong.

    Args:
        running: the plugin whose command it was, or None.

    Returns:
        The exit code.
    """
    if _nobody_reads(error):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CRASH
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return _stopped(getattr(error, "number", SIGINT))
    if isinstance(error, GanlabError):
        screen.show_error(error.message, error.hint)
        return USER_MISTAKE
    if type(error).__name__ == "NoArgsIsHelpError":  # a group of commands, and none was named
        screen.tell(error.ctx.get_help())  # type: ignore[attr-defined]
        return 0
    if isinstance(error, CLICK_ERROR):
        if not speaks_first():  # another process was started with the same words
            return USER_MISTAKE
        screen.show_error(_in_one_line(error.format_message()), _usage_hint(error))  # type: ignore[attr-defined]
        return USER_MISTAKE
    if _out_of_memory(error):
        screen.show_error("The memory does not suffice.", "Ask for fewer pictures (--n), or choose another --device.")
        return USER_MISTAKE
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        screen.show_error(f"{error.filename or 'A file'} could not be written: {error.strerror}.", "Free some space.")
        return USER_MISTAKE
    screen.show_error(*_blame(error, running))
    return CRASH


def _nobody_reads(error: BaseException) -> bool:
    """Whether a pager or a filter behind ganlab has ended, as in `ganlab ... | head`: Windows names no broken pipe."""
    closed = isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or (locations.WINDOWS and closed)


def exit_code(ended: Ended) -> int:
    """What a training process that has nothing to say ends with; beside another, what it would have ended with."""
    if not isinstance(ended, EndedWithAnother):
        return SIGNALLED + (ended.number if isinstance(ended, Stopped) else SIGINT)
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        return explain(ended.error, None)


def _stopped(number: int) -> int:
    """Say which signal ended the command; the exit code."""
    screen.say("Stopped." if number == SIGINT else f"Stopped by {Signals(number).name}.")
    return SIGNALLED + number


def _in_one_line(message: str) -> str:
    return " ".join(message.split()).replace(": Value error, ", ": ")


def _usage_hint(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return "`ganlab --help` shows what there is."
    extra = EXTRA_WORDS.search(str(error))
    advice = "" if extra is None else _meant(context, extra[1].split())
    return f"{advice}`{context.command_path} --help` shows what there is."


def _meant(context: Any, extra: list[str]) -> str:
    """What somebody meant by words that no argument takes: mostly a GAN that stands where none belongs."""
    from ganlab.checkpoints import named_checkpoints

    places = [one.name for one in context.command.params if one.param_type_name == "argument"]
    typed = [*extra, *(str(context.params.get(name)) for name in places)]
    gans = [word for word in typed if word in named_checkpoints()]
    takes_gan = any("--gan" in parameter.opts for parameter in context.command.params)
    return f"Did you mean --gan {shell_word(gans[0])}? " if gans and takes_gan else "What has spaces goes in quotes. "


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, ImportError):  # a library's code has no room either, where memory is limited
        return "failed to map segment" in str(error) or "cannot allocate memory" in str(error).lower()
    if "torch" not in sys.modules:
        return isinstance(error, MemoryError)
    from ganlab.networks.devices import is_out_of_memory

    return is_out_of_memory(error)


def _blame(error: BaseException, running: PluginEntry | None) -> tuple[str, str]:
    from ganlab.plugins.metadata import one_line

    entry = _guilty(error, running)
    who = "ganlab itself" if entry is None else entry.title
    hint = "Run it again with --traceback to see where"
    author = "" if entry is not None and entry.file is not None else ", and tell its author"
    return f"{who} crashed: {one_line(error)}", f"{hint}{author}."


def _guilty(error: BaseException, running: PluginEntry | None) -> PluginEntry | None:
    """Of the plugins that do not come with ganlab the one whose code ran last; else the one whose command it was."""
    theirs = {entry.module.partition(".")[0]: entry for entry in host().entries.values() if not entry.builtin}
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    roots = [str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame in frames]
    return next((theirs[root] for root in reversed(roots) if root in theirs), running)
