"""What was seen on samples, and how the labeler learns from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ganlab import GanlabError
from ganlab_synthetic.labelers.augmentation import Augmentation
from ganlab_synthetic.rooms.labeler_making import MIN_PIXELS
from ganlab_synthetic.rooms.seen import DECISIVE, MOST_LIKELY, Seen, read_seen, window_loss, write_seen


def test_the_shipped_samples_hold_both_kinds() -> None:
    seen = read_seen()
    assert seen.images.shape == (len(seen.window), 64, 64, 3)
    assert 0.3 < (seen.window > 0.5).mean() < 0.8
    assert len(seen.window) > 500
    assert seen.window.min() == 0
    assert seen.window.max() == 1
    assert 0.05 < (~np.isin(seen.window, (0, 1))).mean() < 0.3  # observers differ, and the labeler is told


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (23, 8, 8, 3), np.uint8)
    images = coarse.repeat(8, 1).repeat(8, 2)  # what JPEG keeps
    shares = np.arange(23) % 4 / 3
    write_seen(Seen(images, shares), tmp_path)
    again = read_seen(tmp_path)
    assert again.images.shape == images.shape
    assert np.abs(again.images.astype(int) - images).mean() < 4
    assert again.window == pytest.approx(shares, abs=6e-4)


def test_where_the_samples_are_not_installed_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(GanlabError, match="not installed with ganlab"):
        read_seen(tmp_path)


def test_the_loss_is_cross_entropy_over_the_likeliest_pixels_and_over_the_decisive_ones_together() -> None:
    logits = torch.randn(3, 6, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    window = torch.tensor([1.0, 0.0, 2 / 3], dtype=torch.float64)
    likely = logits.softmax(1)[:, 1].flatten(1).sort(1, descending=True).values[:, :MOST_LIKELY]
    each = F.binary_cross_entropy(likely, window[:, None].expand_as(likely))
    together = likely[:, DECISIVE].logit().mean(1).sigmoid()
    expected = (each + F.binary_cross_entropy(together, window)) / 2
    assert window_loss(logits, window).item() == pytest.approx(expected.item(), rel=1e-9)


def test_the_verdict_hangs_on_the_decisive_pixels() -> None:
    assert DECISIVE.start < MIN_PIXELS["window"] < DECISIVE.stop


def test_gentle_changes_leave_a_bright_square_brighter_than_its_wall() -> None:
    pictures = torch.full((64, 3, 64, 64), 0.3)
    pictures[..., 20:44, 20:44] = 0.8
    changed = Augmentation(torch.Generator().manual_seed(0), 5).gently(pictures)
    assert changed.shape == pictures.shape
    contrast = (changed[..., 28:36, 28:36].mean((2, 3)) - changed[..., 4:12, 4:12].mean((2, 3))).abs().amax(1)
    assert (contrast > 0.04).float().mean() > 0.95
