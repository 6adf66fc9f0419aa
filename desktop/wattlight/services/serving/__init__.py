"""Getting a server where there is none: install a managed copy, step by step."""

from .setup import ServerSetup, SetupStage, SetupState

__all__ = ["ServerSetup", "SetupStage", "SetupState"]
