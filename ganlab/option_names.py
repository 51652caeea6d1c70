"""How a parameter is spelt on the command line: the one place for commands, for their repetition and for messages."""


def option_name(parameter: str) -> str:
    """``z_dim`` -> ``--z-dim``; an underscore that only keeps a name from Python's own (``lambda_``) is left out."""
    return "--" + parameter.strip("_").replace("_", "-")
