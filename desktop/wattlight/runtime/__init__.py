"""Talks to model servers. Nothing heavy is imported until an operation (pull, load, ...) is asked for."""

from wattlight.web import Endpoint

from .address import DEFAULT_PORT, find_server, parse_endpoint
from .answers import AnswerEnd, Answerer, AnswerPiece, AnswerRequest, connect_answers
from .names import ModelName, read_name, same_model
from .ollama_server import OllamaServer
from .opening import ModelServer, choose_address, connect, servers_among
from .problems import RuntimeProblem
from .reading import ShownModel
