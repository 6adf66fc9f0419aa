"""The processor's energy counter that only root may read: why, and the button that opens it."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import tr

from .scene import Scene
from .words import Action, PillView, Tone


@dataclass(frozen=True, slots=True)
class EnergyAccessView:
    """``commands`` do in a terminal what the button does where there is none; ``problem``: the last try."""

    title: str
    pill: PillView
    text: str
    actions: tuple[Action, ...] = ()
    commands: tuple[str, ...] = ()
    problem: str = ""


def energy_access_view(scene: Scene) -> EnergyAccessView | None:
    """None where the counter is open anyway, or there is none."""
    access = scene.state.energy_access
    own = bool(access.opened_for) and access.opened_for == access.user
    if not access.closed and not own:
        return None
    title = tr("The processor's energy counter")
    if access.asking:
        waits = tr("The system asks for an administrator's password…")
        return EnergyAccessView(title, PillView(tr("waiting"), Tone.PLAIN), waits)
    user, problem = clean_text(access.user, 40), clean_sentence(access.problem, 500)
    if not access.closed:
        said = tr(
            "Wattlight opened it for your account ({user}), also after a restart. Any program of this "
            "account can read it; you can close it again at any time.",
            user=user,
        )
        undo = Action(tr("Close it again"), Command(Verb.FORBID_ENERGY))
        opened = PillView(tr("open"), Tone.GOOD)
        if access.by_click:
            return EnergyAccessView(title, opened, said, (undo,), (), problem)
        return EnergyAccessView(title, opened, said, (), access.undo, problem)
    closed = PillView(tr("closed"), Tone.PARTLY)
    allow = Action(
        tr("Let Wattlight read the processor's energy counter"), Command(Verb.ALLOW_ENERGY), primary=True
    )
    actions: tuple[Action, ...] = (allow,)
    if own:
        said = tr(
            "Wattlight's rule that opens it is there, but it is not in force: open it anew, or remove it."
        )
        actions = (allow, Action(tr("Remove the rule"), Command(Verb.FORBID_ENERGY)))
    else:
        said = _why(user)
    if access.opened_for and not own:
        said += " " + tr(
            "Now it is open for the account {other}; it would be closed for that one.",
            other=clean_text(access.opened_for, 40),
        )
    if access.by_click:
        return EnergyAccessView(title, closed, said, actions, (), problem)
    said += " " + tr("There is nothing here that asks for the password; in a terminal these do it:")
    return EnergyAccessView(title, closed, said, (), access.commands, problem)


def _why(user: str) -> str:
    return tr(
        "The processor counts what it draws, but only root may read that: in 2020 it was shown that a "
        "program can guess secrets of others from it (CVE-2020-8694). If you open the counter, every "
        "program of your account ({user}) can read it, also after a restart; nothing else changes, and the "
        "same place closes it again.",
        user=user,
    )
