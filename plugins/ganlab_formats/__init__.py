"""Checkpoints of other frameworks: Keras, TensorFlow, Theano, Torch7, Chainer, PyTorch weights in HDF5."""

from __future__ import annotations

from ganlab import CheckpointFormat, hookimpl


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """One of each; a reader imports its library only when it reads."""
    from ganlab_formats import theano_dcgan

    return [
        CheckpointFormat("theano", "the DCGAN authors' *gen_params.jl", theano_dcgan.recognises, theano_dcgan.load),
    ]
