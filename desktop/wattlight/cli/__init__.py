"""The command line face: verbs, their JSON, their exit codes. Never loads Qt."""

from .call import Call, Output
from .main import run

__all__ = ["Call", "Output", "run"]
