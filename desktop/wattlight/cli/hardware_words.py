"""Words a person knows for what the probes report in their own."""

from wattlight.i18n import tr


def kind_word(kind: str) -> str:
    """Card, part of the processor, or slice."""
    return {
        "discrete": tr("graphics card"),
        "integrated": tr("part of the processor"),
        "slice": tr("slice of a card"),
    }.get(kind, kind)


def state_word(state: str) -> str:
    """Awake, asleep, lost."""
    return {
        "active": tr("awake"),
        "asleep": tr("asleep (and left alone)"),
        "lost": tr("stopped responding"),
        "unavailable": tr("not available to programs"),
    }.get(state, state)


def scope_word(scope: str | None) -> str:
    """What a power reading covers."""
    text = (scope or "").lower()
    if text.startswith("whole apu package"):
        return tr("processor and graphics together")
    if text.startswith("module"):
        return tr("module: processor and GPU together")
    if text.startswith("gpu board"):
        return tr("whole card")
    if text in {"gpu only", "gpu rail", "gpu package"}:
        return tr("GPU chip alone")
    return scope or tr("coverage unknown")


def cpu_power_reason(reason: str | None) -> str:
    """Why there is no reading of the processor's power."""
    return {
        "permission": tr("this user may not read the energy counter; 'wattlight doctor' shows the rule"),
        "no powercap": tr("this computer shows no power sensor for it"),
        "no package zone": tr("this computer shows no power sensor for it"),
        "needs a second reading": tr("the first reading gives no watts yet"),
        "the counter stands still": tr("its energy counter stands still"),
        "no answer": tr("its sensor does not answer"),
    }.get(reason or "", reason or tr("not reported"))
