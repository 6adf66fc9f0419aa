"""Finds the shape of a model by name or path: file, disk, registry, and where those fail the catalogue."""

from .finder import CatalogueShape, FoundShape, ShapeFinder, Source, is_path

__all__ = ["CatalogueShape", "FoundShape", "ShapeFinder", "Source", "is_path"]
