"""Asks a registry what a model is, before anything is downloaded."""

from .cache import ShapeCache
from .client import Registry, RemoteModel, completed
from .manifest import Layer, Manifest, ModelConfig, parse_config, parse_manifest
from .names import ModelAddress, read_address
from .problems import CloudModel, ModelUnknown, NotGguf, RegistryProblem, RegistryUnreachable

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
