"""Talks to model servers. Nothing heavy is imported until an operation (pull, load, ...) is asked for."""

from wattlight.web import Endpoint

from .answers import AnswerEnd, AnswerPiece, AnswerRequest
from .engine_words import CutPrompt, cache_types, cut_prompt
from .names import ModelName, context_name, is_cloud_name, read_keep_alive, read_name
from .ollama_server import OllamaServer
from .opening import (
    DEFAULT_PORT,
    answers_web_pages,
    choose_address,
    connect,
    find_server,
    heard_outside,
    look,
    near_host,
    parse_endpoint,
)
from .problems import RuntimeProblem
from .reading import weights_file
from .server import ModelServer
