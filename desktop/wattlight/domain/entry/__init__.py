"""The shipped catalogue as values: what is known of a model without asking anyone."""

from .architecture import Architecture, CompressedAttention, RecurrentLayers
from .catalog import Catalog, CatalogMatch
from .model_entry import BytesStatus, CatalogEntry, CatalogTag, Flavour, Unverified
from .reread import Reread, with_rereads

__all__ = [
    "Architecture",
    "BytesStatus",
    "Catalog",
    "CatalogEntry",
    "CatalogMatch",
    "CatalogTag",
    "CompressedAttention",
    "Flavour",
    "RecurrentLayers",
    "Reread",
    "Unverified",
    "with_rereads",
]
