"""The first run: which page, what it says, what its buttons do. Pure."""

from .choices import FEW_MINUTES_S, fetch_seconds, preselected, three_offers
from .model_step import ModelChoice, ModelStep
from .price_step import PriceStep, price_left
from .server_step import ServerStep
from .steps import STEPS, finished, moved, put_off, step_of
from .try_step import TryStep, prompts
from .view import FirstRunView, first_run_view

__all__ = [
    "FEW_MINUTES_S",
    "STEPS",
    "FirstRunView",
    "ModelChoice",
    "ModelStep",
    "PriceStep",
    "ServerStep",
    "TryStep",
    "fetch_seconds",
    "finished",
    "first_run_view",
    "moved",
    "preselected",
    "price_left",
    "prompts",
    "put_off",
    "step_of",
    "three_offers",
]
