"""Asks a registry what a model is, before anything is downloaded."""

from .cache import ShapeCache
from .client import Registry, RemoteModel, completed
from .manifest import (
    CloudModel,
    Layer,
    Manifest,
    ModelAddress,
    ModelConfig,
    ModelUnknown,
    NotGguf,
    RegistryProblem,
    RegistryUnreachable,
    parse_config,
    parse_manifest,
    read_address,
)

__all__ = [
    "CloudModel",
    "Layer",
    "Manifest",
    "ModelAddress",
    "ModelConfig",
    "ModelUnknown",
    "NotGguf",
    "Registry",
    "RegistryProblem",
    "RegistryUnreachable",
    "RemoteModel",
    "ShapeCache",
    "completed",
    "parse_config",
    "parse_manifest",
    "read_address",
]
