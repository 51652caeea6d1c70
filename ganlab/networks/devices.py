"""Which device a network runs on, and what happens when its memory does not suffice."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ganlab.errors import GanlabError

if TYPE_CHECKING:
    import torch

_SHAPES_ALONE = ContextVar("_SHAPES_ALONE", default=False)


def check_device(device: str) -> None:
    """Whether the device is there and answers.

    Raises:
        GanlabError: this machine has no such device.
    """
    import torch

    have = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    try:
        if not have[torch.device(device).type]:
            raise RuntimeError("not on this machine")
        torch.empty(0, device=device)
    except (RuntimeError, KeyError) as error:
        there = ", ".join(kind for kind, available in have.items() if available)
        raise GanlabError(f"This machine has no device {device!r}.", f"There is: {there}.") from error


def choose_device(device: str = "auto") -> str:
    """ "auto" is the GPU when there is one; anything else is checked and taken.

    Raises:
        GanlabError: this machine has no such device.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    check_device(device)
    return device


def fast_bfloat16(device: str) -> bool:
    """Whether bfloat16 is worth while there: processors without instructions for it emulate it, far slower."""
    import torch

    kind = torch.device(device).type
    if kind == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu":
        return True
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # older versions of torch do not tell
    if known.get("architecture") == "x86_64":
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return torch.backends.cpu.get_cpu_capability() != "AVX2"


def memory_format(device: str) -> torch.memory_format:
    """How feature maps lie there while a network trains: channels last, which takes a CPU a quarter less time.

    Not on mps, where BatchNorm's gradients of such maps are wrong (issues 175189 and 188371 of pytorch's).
    """
    import torch

    return torch.contiguous_format if torch.device(device).type == "mps" else torch.channels_last


@contextmanager
def shapes_alone() -> Iterator[None]:
    """Inside, networks are made without memory for their weights: how large they would be, and whether a file fits."""
    import torch
    from torch.overrides import TorchFunctionMode

    class Undrawn(TorchFunctionMode):
        """For normal numbers that go nowhere torch would import its compiler, which takes seconds."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return args[0] if func is torch.Tensor.normal_ else func(*args, **(kwargs or {}))

    token = _SHAPES_ALONE.set(True)
    try:
        with torch.device("meta"), Undrawn():
            yield
    finally:
        _SHAPES_ALONE.reset(token)


@contextmanager
def made_on_cpu() -> Iterator[None]:
    """Inside, networks are made on the CPU, which draws their weights, whatever torch's default device is."""
    import torch

    with nullcontext() if _SHAPES_ALONE.get() else torch.device("cpu"):
        yield


def usual_precision(device: str) -> str:
    """What ``--precision auto`` means there: on a GPU tf32, torch's own default for convolutions."""
    import torch

    return "tf32" if torch.device(device).type == "cuda" else "fp32"


def set_gpu_arithmetic(precision: str, deterministic: bool) -> None:
    """How this process's GPU multiplies and which algorithms it chooses; a CPU's arithmetic stays as it is.

    Args:
        precision: "fp32" keeps all bits of float32, "tf32" rounds factors to 10 bits of mantissa first.
        deterministic: the same bits every time, slower; else the fastest algorithms that are found by trying.
    """
    import torch

    rounded = precision != "fp32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = rounded
    _set(_newer_switches(), "tf32" if rounded else "ieee")
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic)
    # it would be a kernel for each new tensor, which nobody reads before something is written
    torch.utils.deterministic.fill_uninitialized_memory = not deterministic  # type: ignore[attr-defined]
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS begins


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside, networks compute in float32 with all its bits, whatever the caller's notebook has set for itself.

    Autocast and another default type of torch's are off, and what names no device lies on the CPU. On a GPU nothing
    rounds its factors, as torch's own default TF32 would in convolutions: numbers that are differences of nearly equal
    pictures would move by a third.
    """
    import torch

    # entered only where it is needed: inside it every call of torch's goes through Python
    cpu = nullcontext() if torch.get_default_device().type == "cpu" else torch.device("cpu")
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False), cpu, _process_wide():
        yield


_entering = threading.Lock()
_inside = ExitStack()  # what the last to leave undoes: the settings are the process's, and threads may overlap
_count = 0


@contextmanager
def _process_wide() -> Iterator[None]:
    global _count
    with _entering:
        if not _count:
            _inside.enter_context(_float32_by_default())
            _inside.enter_context(_whole_factors())
        _count += 1
    try:
        yield
    finally:
        with _entering:
            _count -= 1
            if not _count:
                _inside.close()


@contextmanager
def _float32_by_default() -> Iterator[None]:
    import torch

    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


@contextmanager
def _whole_factors() -> Iterator[None]:
    """torch's older switches are set for those who read them, and cannot be read where somebody set the newer ones."""
    import torch

    cudnn: Any = torch.backends.cudnn
    newer = _newer_switches()
    before = [switch.fp32_precision for switch in newer]
    with ExitStack() as undo:  # the last that is put on it comes first
        undo.callback(_restore, newer, before)
        with suppress(RuntimeError):
            undo.callback(setattr, cudnn, "allow_tf32", cudnn.allow_tf32)
            cudnn.allow_tf32 = False
        with suppress(RuntimeError):
            if (products := torch.get_float32_matmul_precision()) != "highest":
                undo.callback(torch.set_float32_matmul_precision, products)
                torch.set_float32_matmul_precision("highest")
        undo.callback(_set, newer, "none")
        _set(newer, "ieee")
        yield


def _newer_switches() -> list[Any]:
    """Those that count: where there are any, an older one at False leaves what their parents say, which may be TF32."""
    import torch

    cudnn: Any = torch.backends.cudnn
    return [cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul] if hasattr(cudnn, "conv") else []


def _set(switches: list[Any], precision: str) -> None:
    for switch in switches:
        switch.fp32_precision = precision


def _restore(switches: list[Any], precisions: list[str]) -> None:
    """Only where "none" or an older switch has not restored them: what inherits from its parent is to go on so."""
    for switch, precision in zip(switches, precisions, strict=True):
        if switch.fp32_precision != precision:
            switch.fp32_precision = precision


def device_and_model(device: str) -> str:
    """A GPU with its model, ``cuda (NVIDIA H200)``; anything else by its name alone."""
    import torch

    return f"{device} ({torch.cuda.get_device_name(device)})" if torch.device(device).type == "cuda" else device


def check_compiler() -> None:
    """That there is a C++ compiler, which torch compiles networks with.

    Raises:
        GanlabError: there is none.
    """
    names = (os.environ.get("CXX", "g++"), "g++", "clang++", "c++", "cl")
    if not any(map(shutil.which, names)):
        raise GanlabError("torch compiles with a C++ compiler, and there is none.", "Install g++, or do not compile.")


def address_space_is_limited() -> bool:
    """Whether this process may take only so much memory (``ulimit -v``), so that asking for more fails at once."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return False
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def keep_freed_memory() -> bool:
    """Let this process keep what it frees for what it needs next, instead of handing every large block back.

    glibc gives blocks of tens of megabytes, as feature maps are, back to the system when they are freed, so that the
    next ones are new pages, cleared one by one: a training step takes a seventh longer. What is kept is the most that
    was ever in use; blocks from 256 MiB on go back as before. For programs, not for libraries: it concerns everything
    in the process. Not where memory is limited, which kept blocks would fill sooner.

    Returns:
        Whether it does; the C library may be another.
    """
    import ctypes

    if address_space_is_limited():
        return False
    try:
        choose = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc, nor anything like it
        return False
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3  # as malloc.h numbers them
    wishes = ((m_mmap_threshold, 2**28), (m_trim_threshold, -1), (m_top_pad, 2**26))
    return sum(choose(option, value) for option, value in wishes) == len(wishes)


@contextmanager
def enough_memory(message: str, hint: str) -> Iterator[None]:
    """Turn running out of memory inside the block into a sentence and a hint."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise GanlabError(message, hint) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch means that memory did not suffice, on whichever device."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    words = str(error).lower()
    signs = (
        "not enough memory",
        "can't allocate memory",
        "out of memory",
        "bad_alloc",
        "could not create a memory",
        "status_alloc_failed",  # cuBLAS and cuDNN, whose workspaces are not torch's
    )
    # oneDNN says no more than this when it has no room for its code
    starved = words in ("could not create a primitive", "could not execute a primitive")
    return isinstance(error, RuntimeError) and (starved or any(sign in words for sign in signs))
