"""On which of several computers a model runs best, by what is known of each, and how sure that is."""

from collections.abc import Iterable
from dataclasses import dataclass

from wattlight.i18n import gib, joined, number, percent, tr

from .servers import ServerStatus
from .state import HostState, same_model
from .values import LOCAL_HOST, Device, HostId, clean_text

_ROOM = 1.15
_ROOM_BYTES = 600_000_000
"""Beside the files of a model its cache and buffers take about so much at a usual context."""


@dataclass(frozen=True, slots=True)
class HostPlace:
    """A computer that has a model. ``share``: of it on the GPU, 0 to 1, None where nothing tells; ``seen``:
    the server says so of the loaded model, else it is an estimate by the size of its files.

    ``bandwidth_gbs``: nominal, of the memory it would lie in; None where it is not known.
    """

    host: HostId
    name: str
    share: float | None = None
    seen: bool = False
    bandwidth_gbs: float | None = None
    device: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Best:
    """``host`` None: it cannot be told. ``sure``: every server has it loaded and tells where it lies."""

    host: HostId | None
    sure: bool
    text: str


def best_place(hosts: Iterable[HostState], model: str) -> Best | None:
    """Where ``model`` runs best; None where fewer than two computers have it."""
    places = [place for host in hosts if (place := _place(host, model)) is not None]
    if len(places) < 2:
        return None
    unknown = [place.name for place in places if place.share is None]
    if unknown:
        text = tr(
            "Where it runs best cannot be told: nothing tells what {names} has. A meter there does.",
            names=joined(unknown),
        )
        return Best(None, False, text)
    first, second = sorted(places, key=_rank, reverse=True)[:2]
    if _rank(first) == _rank(second):
        return Best(
            None, False, tr("By what is known it runs equally well on {names}.", names=_both(first, second))
        )
    sure = all(place.seen for place in places) and (first.share or 0) > (second.share or 0)
    words = tr("Runs best on {name}: {why}.") if sure else tr("Probably runs best on {name}: {why}.")
    return Best(first.host, sure, words.format(name=first.name, why=_why(first, second)))


def _place(host: HostState, model: str) -> HostPlace | None:
    if host.server.status is not ServerStatus.READY:
        return None
    found = next((m for m in host.server.installed if same_model(m.name, model)), None)
    if found is None or found.remote_host is not None:
        return None
    name = tr("this computer") if host.id == LOCAL_HOST else clean_text(host.name, 60)
    card = _card(host)
    facts = (
        None if card is None else card.bandwidth_gbs,
        "" if card is None else clean_text(card.name, 60),
        None if card is None else card.memory_total_bytes,
    )
    loaded = next((m for m in host.server.running if same_model(m.name, model)), None)
    if loaded is not None and loaded.gpu_share is not None:
        return HostPlace(host.id, name, loaded.gpu_share, True, *facts)
    if host.profile is None or not found.size_bytes:
        return HostPlace(host.id, name)
    if card is None or not card.memory_total_bytes:
        return HostPlace(host.id, name, 0.0, False, None)
    needed = found.size_bytes * _ROOM + _ROOM_BYTES
    return HostPlace(host.id, name, min(1.0, card.memory_total_bytes / needed), False, *facts)


def _card(host: HostState) -> Device | None:
    """The device that holds models there: the one with the most memory."""
    if host.profile is None:
        return None
    cards = (d for d in host.profile.devices if d.backend and d.memory_total_bytes)
    return max(cards, key=lambda d: d.memory_total_bytes or 0, default=None)


def _rank(place: HostPlace) -> tuple[float, float]:
    """First how much of it is on a GPU, then how fast that GPU's memory is."""
    share = place.share or 0.0
    return round(share, 2), (place.bandwidth_gbs or 0.0) if share else 0.0


def _why(first: HostPlace, second: HostPlace) -> str:
    if (first.share or 0) > (second.share or 0):
        if first.seen:
            return tr(
                "{share} of it is on the GPU, as its server says; {other} has {less}",
                share=percent(first.share),
                other=second.name,
                less=percent(second.share),
            )
        return tr(
            "by the size of its files about {share} of it fit {device} ({memory}); on {other} about {less}",
            share=percent(first.share),
            device=first.device,
            memory=gib(first.memory_bytes),
            other=second.name,
            less=percent(second.share),
        )
    return tr(
        "it fits both, and the memory of {device} is faster ({speed} GB/s, nominal)",
        device=first.device,
        speed=number(first.bandwidth_gbs),
    )


def _both(first: HostPlace, second: HostPlace) -> str:
    return tr("{one} and {other}", one=first.name, other=second.name)
