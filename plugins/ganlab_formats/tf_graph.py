"""TensorFlow's object graph: how the program called each variable, and where it stands among the others."""

from __future__ import annotations

from dataclasses import dataclass

from . import protobuf

GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True)
class Known:
    """A variable in the graph: the program's name for it (``conv2d_3/kernel``), and the number of its object."""

    full_name: str
    number: int


def variables(graph: bytes) -> dict[str, Known]:
    """Key in the checkpoint -> what the graph says of it. Objects are numbered as they were found, breadth first.

    Raises:
        ValueError: it is no object graph.
    """
    found: dict[str, Known] = {}
    for number, node in enumerate(protobuf.messages(graph, 1)):
        for attribute in protobuf.messages(node, 2):
            text = {field: value for field, value in protobuf.fields(attribute) if isinstance(value, bytes)}
            key = text.get(3, b"").decode("utf-8")
            if key.endswith(VALUE):
                found[key] = Known(text.get(2, b"").decode("utf-8"), number)
    return found
