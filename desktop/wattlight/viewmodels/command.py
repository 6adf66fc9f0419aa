"""Buttons, as values, so that views stay pure and tests can read them."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb

__all__ = ["Action", "Command", "Verb"]


@dataclass(frozen=True, slots=True)
class Action:
    """A button: its label and what it asks for. ``why_not`` is the reason shown when it is greyed."""

    text: str
    command: Command
    primary: bool = False
    enabled: bool = True
    why_not: str = ""
    hint: str = ""
