"""What a model is wanted for, and whether a model is meant for that."""

from enum import StrEnum

from wattlight.domain.entry import CatalogEntry, Flavour

from .editorial import Editorial


class Use(StrEnum):
    """What the models are wanted for."""

    CHAT = "chat"
    CODE = "code"
    VISION = "vision"
    EMBEDDING = "embedding"
    REASONING = "reasoning"
    AGENTS = "agents"


WANTED_CONTEXT = {
    Use.CHAT: 16384,
    Use.VISION: 16384,
    Use.CODE: 32768,
    Use.REASONING: 32768,
    Use.AGENTS: 65536,
    Use.EMBEDDING: 512,
}
"""Context in tokens below which a use is cramped (Ollama's own advice for agents is 64K)."""

WANTED_TOKENS_PER_S = {
    Use.CHAT: 20.0,
    Use.VISION: 20.0,
    Use.CODE: 30.0,
    Use.REASONING: 40.0,
    Use.AGENTS: 40.0,
}
"""Speed at which a use feels fluent: chat at twice fast reading, thinking and tool loops more."""

READING_TOKENS_PER_S = 5.0
"""Reading speed; slower than this is not usable."""

_NARROW = frozenset({"moderation", "completion", "embedding"})
"""Uses of models that are made for one thing and do not chat."""


def suits(entry: CatalogEntry, use: Use, editorial: Editorial) -> bool:
    """Whether the model can do the job at all and is meant for it."""
    can = entry.capabilities
    if use is Use.EMBEDDING:
        return "embedding" in can
    if "completion" not in can or "moderation" in entry.uses:
        return False
    if use is Use.VISION:
        return "vision" in can
    if use is Use.AGENTS:
        return "tools" in can and entry.base_name not in editorial.poor_agents
    if use is Use.CODE:
        return entry.code_specialised or bool({"code", "agents", "completion"} & set(entry.uses))
    if use is Use.REASONING:
        return "thinking" in can or "reasoning" in entry.uses
    return not entry.code_specialised and not _NARROW & set(entry.uses)


def always_thinks(entry: CatalogEntry, flavour: Flavour, editorial: Editorial) -> bool:
    """Whether it cannot answer without thinking first, which costs hundreds of tokens an answer."""
    if flavour is Flavour.INSTRUCT:
        return False
    return entry.base_name in editorial.thinks_first or any("think" in alias for alias in entry.aliases)


def match_points(entry: CatalogEntry, use: Use, flavour: Flavour, editorial: Editorial) -> float:
    """Points for how well the model's purpose matches ``use`` (our judgement)."""
    thinking = "thinking" in entry.capabilities and flavour is not Flavour.INSTRUCT
    meant = 1.5 if use.value in entry.uses else 0.0
    match use:
        case Use.EMBEDDING:
            return 0.0
        case Use.CODE:
            writes = "chat" in entry.uses or "agents" in entry.uses or "completion" not in entry.uses
            return meant + (3.0 if entry.code_specialised and writes else 0.0) + (1.0 if thinking else 0.0)
        case Use.REASONING:
            return meant + (3.0 if thinking else 0.0)
        case Use.AGENTS:
            return meant + (1.5 if thinking else 0.0) + (1.0 if entry.code_specialised else 0.0)
        case _:
            lost = 2.0 if always_thinks(entry, flavour, editorial) else 0.0
            lost += 2.0 if entry.code_specialised else 0.0
            return meant + (2.0 if thinking else 0.0) - lost
