"""Talks to model servers. Nothing heavy is imported until an operation (pull, load, ...) is asked for."""

from wattlight.web import Endpoint

from .answers import AnswerEnd, AnswerPiece, AnswerRequest
from .names import ModelName, read_name
from .ollama_server import OllamaServer
from .opening import DEFAULT_PORT, ModelServer, choose_address, connect, find_server, parse_endpoint
from .problems import RuntimeProblem
