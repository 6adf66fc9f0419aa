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
