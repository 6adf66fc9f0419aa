"""Reads the headers of models that the local Ollama already has on this computer's disk."""

from .store_folder import InstalledModels, models_folders

__all__ = ["InstalledModels", "models_folders"]
