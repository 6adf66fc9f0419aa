"""Composition root: builds everything, starts and stops it in order."""

from .faces import run_command_line, run_tray
