"""Exact sizes from the registry for models of the catalogue, on request only."""

from .refresh import CatalogueRefresh, ModelNotListed, Refreshed, RefreshReport

__all__ = ["CatalogueRefresh", "ModelNotListed", "RefreshReport", "Refreshed"]
