"""Asks a registry what a model is, before anything is downloaded."""

from .cache import ShapeCache
from .client import ModelPages, Registry, completed
from .manifest import (
    MAX_MANIFEST_BYTES,
    Layer,
    Manifest,
    ModelAddress,
    ModelConfig,
    RegistryBusy,
    RegistryProblem,
    RegistryUnreachable,
    RunsElsewhere,
    parse_config,
    parse_manifest,
    read_address,
    read_layer,
)
