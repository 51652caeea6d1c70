"""Principal components of a layer, and the directions in Z that belong to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ganlab import Gan, GanlabError, Latents

NEGLIGIBLE = 1e-6  # of the variance: a component below it is rounding


@dataclass(frozen=True)
class Space:
    """What a layer does over many samples, in k numbers.

    Attributes:
        layer: the layer's name.
        mean: (features,) its mean activations.
        basis: (k, features) orthonormal principal components, the strongest first.
        sigma: (k,) the standard deviation of the activations along each.
        directions: (k, dim) in Z; adding ``directions[i]`` moves a latent by one standard deviation of component i,
            as far as least squares can tell (GANSpace, equation 3).
    """

    layer: str
    mean: np.ndarray
    basis: np.ndarray
    sigma: np.ndarray
    directions: np.ndarray

    def coordinates(self, activations: np.ndarray) -> np.ndarray:
        """Activations (n, features) -> (n, k), in standard deviations."""
        return (activations - self.mean) @ self.basis.T / self.sigma


def find_space(gan: Gan, layer: str, components: int, latents: Latents) -> Space:
    """Decompose a layer over these samples.

    Raises:
        GanlabError: an unknown layer, or one that varies in fewer ways than components are wanted.
    """
    activations = activations_of(gan, layer, latents)
    mean = activations.mean(0)
    centred = activations - mean
    # the samples' inner products have the same spectrum as the covariance, and are far smaller
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    values, vectors = values[::-1], vectors[:, ::-1]
    found = int((values > NEGLIGIBLE * values.sum()).sum())
    if found < components:
        raise GanlabError(
            f"The layer {layer!r} varies in {found} ways over {len(latents)} samples, fewer than {components}.",
            "Ask for fewer --components, or raise --n.",
        )
    length = np.sqrt(values[:components])
    basis = (vectors[:, :components] / length).T @ centred
    basis *= _signs(basis)[:, None]
    sigma = length / np.sqrt(len(latents) - 1)
    z = latents.z.numpy().astype(np.float64)
    coordinates = centred @ basis.T / sigma
    directions = np.linalg.lstsq(coordinates, z - z.mean(0), rcond=None)[0]
    return Space(layer, mean, basis.astype(np.float32), sigma, directions)


def activations_of(gan: Gan, layer: str, latents: Latents) -> np.ndarray:
    """What a layer puts out for these samples, (n, features) float32."""
    with gan.record(layer) as recording:
        gan.generate(latents)
    return recording[layer].flatten(1).numpy()


def moved(latents: Latents, step: np.ndarray) -> Latents:
    """Every latent moved by the same step (dim,)."""
    return replace(latents, z=latents.z + torch.from_numpy(step.astype(np.float32)))


def explained(activations: np.ndarray, basis: np.ndarray) -> float:
    """The share of the activations' variance that lies within an orthonormal basis (k, features)."""
    centred = activations - activations.mean(0)
    return float(((centred @ basis.T) ** 2).sum(dtype=np.float64) / (centred**2).sum(dtype=np.float64))


def random_basis(features: int, components: int, rng: np.random.Generator) -> np.ndarray:
    """An orthonormal basis (k, features) that knows nothing of the layer."""
    return np.linalg.qr(rng.standard_normal((features, components)))[0].T.astype(np.float32)


def _signs(basis: np.ndarray) -> np.ndarray:
    """A component's sign is arbitrary: its largest entry is made positive, so that two runs agree."""
    return np.sign(np.take_along_axis(basis, np.abs(basis).argmax(1, keepdims=True), 1))[:, 0]
