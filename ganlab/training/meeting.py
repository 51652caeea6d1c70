"""Several processes meet, train together and part; where one fails, one of them says why."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import Store
from torch.distributed.rendezvous import rendezvous

from ganlab.errors import GanlabError
from ganlab.training.distributed import Group
from ganlab.training.ending import Ended, EndedWithAnother, Stopped
from ganlab.training.processes import Place, announced, speaks_first

MEETING = timedelta(minutes=5)  # for all processes to come
WAITING = timedelta(days=7)  # for the slowest in a collective: one that decodes the pictures may take days
SPOKEN = "ganlab/spoken"
# in NCCL's errors where another process has gone: its connection, the group that it was in, the store that it held
GONE = ("remote process exited", "aborted", "retrieving ncclUniqueId")


@contextmanager
def join() -> Iterator[Group]:
    """Meet the other processes; see :func:`ganlab.training.joining.joined`.

    Raises:
        GanlabError: they cannot meet, NCCL fails, or another one ended while this one waited for it.
        EndedWithAnother: this one ends because another does, which says why.
    """
    store = None
    try:
        place = announced()
        store = _meet(place)
        group = Group(place)
        with _silent(not group.first):
            try:
                yield group
            except Stopped:  # all of them stop
                group.leave()
                raise
            group.leave()
    except Ended:
        raise
    except BaseException as error:  # the group is not taken apart: others would hear of it before this one has spoken
        told = _told(error)
        if not _may_speak(store, error):
            raise EndedWithAnother(told) from None
        if told is not error:
            raise told from error
        raise


def _meet(place: Place) -> Store:
    """Make the group of all processes; the store through which they met."""
    where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
    # Its functions keep, as their default, the group that there is when it is first imported, and an optimiser's first
    # step imports it: that group would outlive destroy_process_group, and its threads abort an interpreter that ends.
    importlib.import_module("torch.distributed.nn.functional")
    try:
        store, _, _ = next(rendezvous("env://", timeout=MEETING))
        dist.init_process_group(backend, store=store, rank=place.rank, world_size=place.count, timeout=WAITING)
    except (RuntimeError, ValueError, OSError) as error:
        raise GanlabError(
            f"The {place.count} processes that WORLD_SIZE announces have not met at {where}: {_first_line(error)}",
            "Start all of them, give MASTER_ADDR and a free MASTER_PORT of the first, or unset WORLD_SIZE.",
        ) from error
    return store


@contextmanager
def _silent(wished: bool) -> Iterator[None]:
    with ExitStack() as stack:
        if wished:
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(redirect_stdout(nowhere))
            stack.enter_context(redirect_stderr(nowhere))
        yield


def _may_speak(store: Store | None, error: BaseException) -> bool:
    """Whether this process is the first with something to say; one that says it ends all of them."""
    if store is None:
        return speaks_first()
    if _another_ended(error) and not speaks_first() and os.environ.get("GROUP_RANK") != "0":
        return False  # the store may have gone too: torchrun holds it on the first machine, else the first process does
    try:
        return store.add(SPOKEN, 1) == 1
    except RuntimeError:  # it has gone
        return False


def _another_ended(error: BaseException) -> bool:
    if isinstance(error, dist.DistBackendError):  # NCCL's, which fails by itself as well
        return any(sign in str(error) for sign in GONE)
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error).lower())


def _told(error: BaseException) -> BaseException:
    """What is said of it: the error itself where it is neither another's end nor NCCL's."""
    if _another_ended(error):
        return GanlabError(
            "Another process of this run has ended.",
            "See what it said; ganlab train --resume goes on from the last state.",
        )
    if isinstance(error, dist.DistBackendError):
        *_, last = str(error).strip().splitlines() or ["it says nothing"]
        return GanlabError(
            f"NCCL, through which GPUs exchange gradients, failed: {last}",
            "NCCL_DEBUG=INFO tells more. A container's /dev/shm is often too small; --device cpu needs no NCCL.",
        )
    return error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
