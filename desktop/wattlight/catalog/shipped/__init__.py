"""The catalogue shipped with the program: which models exist, as of its date."""

from .editorial import load_editorial
from .loader import CatalogProblem, load_catalog

__all__ = ["CatalogProblem", "load_catalog", "load_editorial"]
