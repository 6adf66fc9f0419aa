"""Use cases and their threads. The door is lazy: a face loads only what it asks for."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .application import Application, ChangeSettings
    from .factory import ServiceFactory
    from .hub import StateHub

_WHERE = {
    "Application": "application",
    "ChangeSettings": "application",
    "ServiceFactory": "factory",
    "StateHub": "hub",
}

__all__ = ["Application", "ChangeSettings", "ServiceFactory", "StateHub"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(name)
    return getattr(import_module(f".{_WHERE[name]}", __name__), name)
