"""The names by which a person chooses what a file leaves open; light, for the command line's help."""

from __future__ import annotations

# the most usual first; torch's LeakyReLU has 0.01 by default, the paper's 0.2, Keras's 0.3
ACTIVATION_NAMES = (
    "relu",
    "leaky_relu 0.2",
    "leaky_relu 0.01",
    "none",
    "leaky_relu 0.1",
    "leaky_relu 0.3",
    "elu",
    "selu",
    "gelu",
    "silu",
    "tanh",
    "sigmoid",
)
UPSAMPLING_NAMES = ("nearest", "bilinear")
OUTPUT_NAMES = ("tanh", "sigmoid", "none")
