"""Asks a registry what a model is, before anything is downloaded."""

from .cache import ShapeCache
from .client import Registry, completed
from .manifest import (
    Layer,
    Manifest,
    ModelAddress,
    ModelConfig,
    RegistryProblem,
    RegistryUnreachable,
    RunsElsewhere,
    parse_config,
    parse_manifest,
    read_address,
)
