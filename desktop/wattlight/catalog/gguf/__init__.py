"""Reads the header of GGUF model files: local, in memory, or as they arrive; never the weights."""

from .limits import LOCAL, REMOTE, Limits
from .problems import BadModelFile
from .shapes import shape_from_bytes, shape_from_chunks, shape_from_file

__all__ = [
    "LOCAL",
    "REMOTE",
    "BadModelFile",
    "Limits",
    "shape_from_bytes",
    "shape_from_chunks",
    "shape_from_file",
]
