"""Reads the header of GGUF model files: local, in memory, or as they arrive; never the weights."""

from .header import shape_from_chunks, shape_from_file
from .window import LOCAL, REMOTE, BadModelFile, HeaderLimits
