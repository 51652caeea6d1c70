"""What the training of the judge of photographs follows from."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PhotoSettings:
    """Settings of both trainings, on kinds of rooms and on masks.

    Attributes:
        steps: steps of the optimiser.
        scene_steps: the same where the network first learns to tell kinds of rooms.
        batch: photographs in a step.
        lr: peak learning rate of AdamW.
        decay: weight decay; strong, as the photographs are few.
        seed: of weights, order and augmentation.
    """

    steps: int = 1_500
    scene_steps: int = 3_000
    batch: int = 48
    lr: float = 2e-3
    decay: float = 0.1
    seed: int = 0

    def for_scenes(self) -> PhotoSettings:
        """As many steps as scenes are learnt for."""
        return replace(self, steps=self.scene_steps)
