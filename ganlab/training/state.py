"""The state of a run in one file, from which it goes on exactly where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ganlab.checkpoints.native import not_finite
from ganlab.errors import GanlabError
from ganlab.networks.devices import enough_memory, is_out_of_memory
from ganlab.networks.weights import weights_digest
from ganlab.training.processes import ALONE, Processes
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer
from ganlab.writing import missing_parents, remove_if_empty, to_disk

STATE = "state.safetensors"


def save_state(trainer: Trainer, run: Path) -> None:
    """Write the state beside the old one and rename: at every moment one whole state is there.

    Raises:
        GanlabError: weights that are not finite (the old state stays), a full disk, a folder that cannot be written.
    """
    tensors = _tensors(trainer)
    broken = not_finite(tensors)
    if broken:
        raise GanlabError(
            f"Training diverged: {broken} holds NaN or infinity.", "Try a smaller --lr; the last good state is kept."
        )
    beside = run / f".{STATE}.new"
    missing = missing_parents(beside)
    metadata = {"settings": trainer.settings.to_json(), "step": str(trainer.step)}
    metadata["digest"] = _digest(tensors, metadata)
    try:
        run.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.writelines(_in_order(save(tensors, metadata)))
        to_disk(beside)
        os.replace(beside, run / STATE)
        to_disk(run)
    except OSError as error:
        beside.unlink(missing_ok=True)
        remove_if_empty(missing)
        raise GanlabError(
            f"The state of {run} could not be written: {error.strerror}.",
            "Is there room on the disk, and may you write there?",
        ) from error


def stored_settings(run: Path) -> TrainSettings | None:
    """The settings that a run's state holds, None where there is none: with those it would go on if it were killed.

    Raises:
        GanlabError: the state is damaged.
    """
    path = run / STATE
    if not path.is_file():
        return None
    with _damage_told(path), safe_open(path, framework="pt") as file:
        return TrainSettings.from_json((file.metadata() or {})["settings"])


def load_state(run: Path, device: str, processes: Processes = ALONE, **lengths: int) -> Trainer:
    """The trainer of a run, as it was when its state was saved.

    Args:
        run: the run's folder.
        device: where to go on.
        processes: that go on together, as many as before or not.
        lengths: ``epochs`` and ``decay_epochs`` that replace the run's own.

    Raises:
        GanlabError: no state there, or a damaged one, or no memory for its networks, or a batch that so many processes
            cannot divide.
    """
    path = run / STATE
    if not path.is_file():
        raise GanlabError(
            f"{run} holds no training state to go on from.", "Give the folder of a run that was interrupted."
        )
    with enough_memory(f"The networks of {run} do not fit into memory.", "Free some, or choose another --device."):
        with _damage_told(path):
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            if metadata.get("digest", found := _digest(tensors, metadata)) != found:
                raise ValueError("its checksum does not fit")
            settings = TrainSettings.from_json(metadata["settings"])
            step = int(metadata["step"])
        processes.share(settings, resumed=True)  # refused as what can be mended: here another number of processes
        trainer = Trainer(replace(settings, **lengths), device, processes)  # type: ignore[arg-type]
        with _damage_told(path):
            _restore(trainer, tensors)
    trainer.step = step
    return trainer


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise GanlabError(
            f"{path} is damaged: {error}.", "Start the run again, or take the weights of its last epoch."
        ) from error


def _in_order(content: bytes) -> tuple[bytes, memoryview]:
    """A safetensors file in two parts, its metadata sorted: safetensors orders them anew each time."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the tensors lie aligned
    return len(text).to_bytes(8, "little") + text, memoryview(content)[end:]


def _digest(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> str:
    facts = [metadata["settings"], metadata["step"], weights_digest(tensors)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _tensors(trainer: Trainer) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for side, network in trainer.networks().items():
        for key, value in network.state_dict().items():
            tensors[f"{side}.{key}"] = value
        state = trainer.optimizers[side].state_dict()["state"]
        for number, moments in state.items():
            for key, value in moments.items():
                tensors[f"adam.{side}.{number}.{key}"] = value
    if trainer.average is not None:
        tensors |= {f"average.{key}": value for key, value in trainer.average.state_dict().items()}
    return {key: value.detach().cpu().contiguous() for key, value in tensors.items()}


def _restore(trainer: Trainer, tensors: dict[str, torch.Tensor]) -> None:
    if trainer.average is not None:
        trainer.average.load_state_dict({key: tensors[f"average.{key}"] for key in trainer.average.state_dict()})
    for side, network in trainer.networks().items():
        network.load_state_dict({key: tensors[f"{side}.{key}"] for key in network.state_dict()})
        optimizer = trainer.optimizers[side]
        state: dict[int, dict[str, torch.Tensor]] = {}
        prefix = f"adam.{side}."
        for key, value in tensors.items():
            if key.startswith(prefix):
                number, name = key.removeprefix(prefix).split(".")
                state.setdefault(int(number), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        # Adam's moments must lie in memory as their weights do, or the fused step pairs them wrongly or slowly
        for parameter, moments in optimizer.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name] = torch.empty_like(parameter, requires_grad=False).copy_(moments[name])
            moments["step"] = moments["step"].clone()  # it lay in the file, which Windows would not let be replaced
