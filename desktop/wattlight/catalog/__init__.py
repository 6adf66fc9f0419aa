"""Which models exist and their exact shape: shipped catalogue, registry manifests, GGUF headers.

Lazy: each name pulls in only its own part.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shipped import CatalogProblem, load_catalog, load_editorial

_PARTS = {
    "CatalogProblem": "shipped",
    "load_catalog": "shipped",
    "load_editorial": "shipped",
}

__all__ = ["CatalogProblem", "load_catalog", "load_editorial"]


def __getattr__(name: str) -> object:
    part = _PARTS.get(name)
    if part is None:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{part}"), name)
