"""Newer versions of Wattlight: the switch with the address it asks, what is new, and how to get it."""

from dataclasses import dataclass

from wattlight.domain.command import Command, Verb
from wattlight.domain.state import OwnUpdate, Package
from wattlight.domain.values import clean_sentence, clean_text
from wattlight.i18n import clock_time, joined, short_date, tr

from .scene import Scene
from .words import Action


@dataclass(frozen=True, slots=True)
class OwnUpdateView:
    """``news`` says which version there is, ``changes`` what is new in it, ``way`` how to get it here;
    ``said`` how the last look went."""

    on: bool
    about: str
    look: tuple[Action, ...]
    news: str
    changes: str
    way: str
    said: str
    said_is_bad: bool


def own_update_view(scene: Scene) -> OwnUpdateView | None:
    """None where this package names no address: then there is no switch."""
    update, on = scene.state.update, scene.settings.look_for_updates
    if not update.address:
        return None
    about = tr(
        "Once a day Wattlight then asks {address} which versions there are. Nothing of yours is sent, and "
        "nothing is downloaded or installed by itself.",
        address=clean_text(update.address, 200),
    )
    look = (Action(tr("Look now"), Command(Verb.LOOK_FOR_UPDATE)),) if on else ()
    news, way, changes = "", "", ""
    if on and update.version:
        news, way = _news(update), way_to_update(update)
        changes = "\n".join(tr("• {change}", change=line) for line in update.changes)
    said, bad = _said(scene, update) if on else ("", False)
    return OwnUpdateView(on, about, look, news, changes, way, said, bad)


def _news(update: OwnUpdate) -> str:
    if update.day is None:
        return tr("Wattlight {version} is available.", version=update.version)
    day = short_date(update.day)
    return tr("Wattlight {version} of {day} is available.", version=update.version, day=day)


def way_to_update(update: OwnUpdate) -> str:
    """How a newer version is got for the kind of package that runs."""
    way = {
        Package.DEB: tr("Install the new .deb over this one: sudo apt install ./wattlight_{version}-1_*.deb"),
        Package.TAR: tr("Unpack the new .tar.xz in the place of this one and start it from there."),
        Package.APPIMAGE: tr("Put the new AppImage in the place of this one."),
        Package.FLATPAK: tr("In a terminal: flatpak update io.github.wattlight.wattlight"),
        Package.DMG: tr("Open the new .dmg and move Wattlight to Applications; replace the old one."),
        Package.SETUP: tr("Run the new setup.exe; it replaces this version."),
        Package.PIPX: tr("In a terminal: pipx upgrade wattlight"),
        Package.UV: tr("In a terminal: uv tool upgrade wattlight"),
        Package.PIP: tr("In a terminal: python3 -m pip install --upgrade wattlight"),
        Package.CHECKOUT: tr("In the checkout: git pull, then python3 packaging/bootstrap.py run"),
    }[update.package]
    named = way.format(version=update.version)
    return joined((named, tr("Settings and records stay."), *_page(update)), " ")


def _page(update: OwnUpdate) -> tuple[str, ...]:
    return (tr("It is described at {page}.", page=update.page),) if update.page else ()


def _said(scene: Scene, update: OwnUpdate) -> tuple[str, bool]:
    if update.said:
        return clean_sentence(update.said, 300), True
    if update.looked_at is None:
        return tr("Not looked yet."), False
    at, zone = update.looked_at, scene.zone
    when = joined((short_date(at.astimezone(zone).date()), clock_time(at, zone)))
    if update.version:
        return tr("Looked on {when}.", when=when), False
    return tr("Looked on {when}: this version is the newest.", when=when), False
