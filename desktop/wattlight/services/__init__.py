"""Use cases and their threads. The door is lazy: a face loads only what it asks for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .controller import Controller
    from .hub import StateHub
    from .workshop import Workshop

_WHERE = {
    "Controller": "controller",
    "StateHub": "hub",
    "Workshop": "workshop",
}

__all__ = ["Controller", "StateHub", "Workshop"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
