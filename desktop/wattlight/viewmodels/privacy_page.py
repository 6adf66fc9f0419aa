"""The page Privacy: who was asked and why, how long records are kept, and deleting them."""

from dataclasses import dataclass, replace

from wattlight.domain.command import Command, Verb
from wattlight.domain.values import clean_text
from wattlight.i18n import clock_time, short_date, tr
from wattlight.settings import Settings

from .activity import NoticeView, notice_views
from .scene import Scene
from .settings_page import Choice
from .words import Action

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
    contacts: tuple[ContactRow, ...]
    none: str
    keeps: tuple[Choice, ...]
    keep: str
    delete: Action
    keep_programs: bool
    notices: tuple[NoticeView, ...]


def privacy_view(scene: Scene) -> PrivacyView:
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
    choices = [Choice("", tr("forever")), Choice(str(KEEP_MONTHS), tr("{n} months", n=KEEP_MONTHS))]
    if keep not in {None, KEEP_MONTHS}:
        choices.append(Choice(str(keep), tr("{n} months", n=keep)))
    question = tr(
        "Delete all recorded energy, cost and counted tokens, for every day? This cannot be undone. "
        "Settings, models and measured speeds are kept."
    )
    delete = Action(
        tr("Delete all records…"), Command(Verb.DELETE_LEDGER, question=question, confirm=tr("Delete all"))
    )
    return PrivacyView(
        rows,
        none,
        tuple(choices),
        "" if keep is None else str(keep),
        delete,
        scene.settings.meter.keep_programs,
        notice_views(scene),
    )


def reason_text(code: str) -> str:
    return {
        "model": tr("Ollama downloaded a model because you installed one"),
        "shape": tr("Wattlight read the size of a model because you asked whether it fits"),
        "prices": tr("Wattlight fetched the electricity prices of the feed that you chose"),
        "plug": tr("Wattlight reads the wall plug that you set"),
        "figures": tr("Wattlight sends today's figures to the MQTT broker that you set"),
        "update": tr("Wattlight looked for a newer version of itself because you switched that on"),
        "server": tr("Wattlight downloaded Ollama because you had it installed"),
    }.get(code, clean_text(code, 60))


def kept_months(settings: Settings, value: str) -> Settings:
    """The settings with the choice of how long records are kept ("" for ever)."""
    months = int(value) if value.isdecimal() and len(value) <= 4 and int(value) > 0 else None
    return replace(settings, meter=replace(settings.meter, keep_months=months))
