"""Reads the header of GGUF model files: local, in memory, or as they arrive; never the weights."""

from .header import projector_file_bytes, shape_from_chunks, shape_from_file
from .kinds import NotALanguageModel, check_kind, check_numbers
from .window import LOCAL, REMOTE, BadModelFile, HeaderLimits
