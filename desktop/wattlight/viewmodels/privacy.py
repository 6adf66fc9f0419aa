"""The page Privacy: hosts that were contacted, and what is kept."""

from dataclasses import dataclass, replace

from wattlight.domain.values import clean_text
from wattlight.i18n import clock_time, short_date, tr
from wattlight.settings import Settings

from .command import Action, Command, Verb
from .notices import NoticeView, notice_views
from .scene import Scene
from .settings_page import Choice

KEEP_MONTHS = 13
"""A year and a month: the same month of the year before stays comparable."""


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One host: who it is, why it was asked, when last."""

    host: str
    reason: str
    last: str


@dataclass(frozen=True, slots=True)
class PrivacyView:
    """Everything on the page."""

    contacts: tuple[ContactRow, ...]
    none: str
    keeps: tuple[Choice, ...]
    keep: str
    delete: Action
    notices: tuple[NoticeView, ...]


def privacy_view(scene: Scene) -> PrivacyView:
    """The page."""
    contacts = scene.setup.contacts
    rows = tuple(
        ContactRow(
            clean_text(c.host, 80),
            reason_text(c.reason),
            f"{short_date(c.last_at.astimezone(scene.zone).date())}, {clock_time(c.last_at, scene.zone)}",
        )
        for c in contacts or ()
    )
    none = "" if rows else tr("No host was contacted yet.") if contacts is not None else tr("Reading…")
    keep = scene.settings.meter.keep_months
    choices = [Choice("", tr("for ever")), Choice(str(KEEP_MONTHS), tr("{n} months", n=KEEP_MONTHS))]
    if keep not in {None, KEEP_MONTHS}:
        choices.append(Choice(str(keep), tr("{n} months", n=keep)))
    question = tr(
        "Delete everything that was recorded of energy and cost, of all days? This cannot be undone. "
        "Settings and models stay."
    )
    delete = Action(
        tr("Delete all records…"), Command(Verb.DELETE_LEDGER, question=question, confirm=tr("Delete all"))
    )
    return PrivacyView(
        rows, none, tuple(choices), "" if keep is None else str(keep), delete, notice_views(scene)
    )


def reason_text(code: str) -> str:
    """Why a host was asked."""
    return {
        "model": tr("Ollama fetched a model from it, because you installed one"),
        "shape": tr("The size and shape of a model, because you asked whether it fits"),
        "server": tr("A copy of Ollama, because you let Wattlight install it"),
    }.get(code, clean_text(code, 60))


def kept_months(settings: Settings, value: str) -> Settings:
    """The settings with the choice of how long records are kept ("" for ever)."""
    months = int(value) if value.isdigit() and int(value) > 0 else None
    return replace(settings, meter=replace(settings.meter, keep_months=months))
