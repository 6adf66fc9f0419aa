"""Wattlight: local language models in the tray, with true figures for memory, power and cost."""

__version__ = "0.1.0"
