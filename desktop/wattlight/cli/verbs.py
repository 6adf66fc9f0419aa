"""The table of verbs. Each lives in a module of its own, imported only when it is called."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, its module in this room (with ``arguments(parser)`` and ``run(args, call)``), its summary."""

    name: str
    module: str
    summary: str


VERBS: tuple[Verb, ...] = (
    Verb("hardware", "verb_hardware", "what this computer has: accelerators, memory, sensors"),
    Verb("recommend", "verb_recommend", "models that fit this computer, best first"),
    Verb("fit", "verb_fit", "what a model will take, and whether it fits"),
    Verb("models", "verb_models", "models installed on the server"),
    Verb("ps", "verb_ps", "models loaded now"),
    Verb("pull", "verb_pull", "download a model"),
    Verb("load", "verb_load", "load a model into memory"),
    Verb("unload", "verb_unload", "free the memory of one or all loaded models"),
    Verb("switch", "verb_switch", "load one model and unload the others"),
    Verb("remove", "verb_remove", "delete a model from the server's disk"),
    Verb("power", "verb_power", "what the computer draws now, part by part"),
    Verb("cost", "verb_cost", "energy and money of a day, a month or any span"),
    Verb("meter", "verb_meter", "record without a window"),
    Verb("replay", "verb_replay", "run a recorded trace through the meter"),
    Verb("tariff", "verb_tariff", "show, check or set the electricity price"),
    Verb("export", "verb_export", "write the ledger as CSV or JSON, back it up or restore it"),
    Verb("breakeven", "verb_breakeven", "compare running a model here with an API"),
    Verb("doctor", "verb_doctor", "what is missing and the one step that would add it"),
)
