"""Which models to recommend on a machine, and why."""

from .editorial import Editorial, Languages
from .geometry import geometry_of, metadata_of, windowed_layers
from .shape_estimate import EstimatedShape, estimate_shape

__all__ = [
    "Editorial",
    "EstimatedShape",
    "Languages",
    "estimate_shape",
    "geometry_of",
    "metadata_of",
    "windowed_layers",
]
