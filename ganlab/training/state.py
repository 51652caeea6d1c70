"""The state of a run in one file, from which it goes on exactly where it was."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ganlab.errors import GanlabError
from ganlab.training.settings import TrainSettings
from ganlab.training.trainer import Trainer

STATE = "state.safetensors"


def save_state(trainer: Trainer, run: Path) -> None:
    """Write the state beside the old one and rename: at every moment one whole state is there.

    Raises:
        GanlabError: weights that are not finite (the old state stays), a full disk, a folder that cannot be written.
    """
    tensors = _tensors(trainer)
    broken = [key for key, value in tensors.items() if not torch.isfinite(value).all()]
    if broken:
        raise GanlabError(f"Training diverged: {broken[0]} holds NaN or infinity.", "Try a smaller --lr.")
    beside = run / f".{STATE}.new"
    metadata = {"settings": trainer.settings.to_json(), "step": str(trainer.step)}
    try:
        save_file(tensors, beside, metadata)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, run / STATE)
    except (OSError, SafetensorError) as error:
        beside.unlink(missing_ok=True)
        raise GanlabError(f"The state of {run} could not be written: {error}.", "Is the disk full? Make room, then --resume.") from error


def load_state(run: Path, device: str, epochs: int | None = None) -> Trainer:
    """The trainer of a run, as it was when its state was saved.

    Args:
        run: the run's folder.
        device: where to go on.
        epochs: a new number of epochs, or None for the run's own.

    Raises:
        GanlabError: no state there, or a damaged one.
    """
    path = run / STATE
    if not path.is_file():
        raise GanlabError(f"{run} holds no training state to go on from.", "Give the folder of a run that was interrupted.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
        settings = TrainSettings.from_json(metadata["settings"])
        if epochs is not None:
            settings = TrainSettings(**{**settings.__dict__, "epochs": epochs})
        trainer = Trainer(settings, device)
        _restore(trainer, tensors)
        trainer.step = int(metadata["step"])
    except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise GanlabError(f"{path} is damaged: {error}.", "Start the run again, or take the weights of its last epoch.") from error
    return trainer


def stored_settings(run: Path) -> TrainSettings:
    """The settings of a run, without its tensors."""
    path = run / STATE
    if not path.is_file():
        raise GanlabError(f"{run} holds no training state to go on from.", "Give the folder of a run that was interrupted.")
    try:
        with safe_open(path, framework="pt") as file:
            return TrainSettings.from_json((file.metadata() or {})["settings"])
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise GanlabError(f"{path} is damaged: {error}.", "Start the run again.") from error


def _tensors(trainer: Trainer) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for side, network in trainer.networks().items():
        for key, value in network.state_dict().items():
            tensors[f"{side}.{key}"] = value
        state = trainer.optimizers[side].state_dict()["state"]
        for number, moments in state.items():
            for key, value in moments.items():
                tensors[f"adam.{side}.{number}.{key}"] = value
    return {key: value.detach().cpu().contiguous() for key, value in tensors.items()}


def _restore(trainer: Trainer, tensors: dict[str, torch.Tensor]) -> None:
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
                moments[name] = moments[name].to(memory_format=torch.preserve_format).contiguous(memory_format=torch.channels_last) if parameter.ndim == 4 else moments[name]
