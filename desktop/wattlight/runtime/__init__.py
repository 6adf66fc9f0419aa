"""Talks to model servers. Nothing heavy is imported until an operation (pull, load, ...) is asked for."""

from wattlight.web import Endpoint

from .address import DEFAULT_PORT, find_server, parse_endpoint
from .movable import MovableServer
from .names import ModelName, read_name, same_model
from .neighbours import servers_among
from .ollama_server import OllamaServer
from .opening import choose_address, connect
from .problems import RuntimeProblem
from .server_door import ModelServer
from .shown import ShownModel

__all__ = [
    "DEFAULT_PORT",
    "Endpoint",
    "ModelName",
    "ModelServer",
    "MovableServer",
    "OllamaServer",
    "RuntimeProblem",
    "ShownModel",
    "choose_address",
    "connect",
    "find_server",
    "parse_endpoint",
    "read_name",
    "same_model",
    "servers_among",
]
