"""Checkpoints of other frameworks: Keras, TensorFlow, Theano, Torch7, Chainer, PyTorch weights in HDF5."""

from __future__ import annotations

from ganlab import CheckpointFormat, hookimpl


@hookimpl
def register_checkpoint_formats() -> list[CheckpointFormat]:
    """One of each; a reader imports its library only when it reads."""
    from ganlab_formats import chainer_links, theano_dcgan, torch7

    return [
        CheckpointFormat("theano", "the DCGAN authors' *gen_params.jl", theano_dcgan.recognises, theano_dcgan.load),
        CheckpointFormat("torch7", "a .t7 file of torch.save", torch7.recognises, torch7.load),
        CheckpointFormat("chainer", "save_npz's .npz or save_hdf5's .h5", chainer_links.recognises, chainer_links.load),
    ]
