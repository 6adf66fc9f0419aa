"""The command line face: verbs, their JSON, their exit codes. Never loads Qt."""

from .main import run
from .output import Call, Output
