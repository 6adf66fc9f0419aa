"""The side that asks: what a meter on another computer says; nothing of it is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any

from wattlight.domain.machine_file import parse_machine
from wattlight.domain.values import HostId, MachineProfile, Problem, clean_text, from_us, read_json
from wattlight.i18n import tr
from wattlight.runtime import parse_endpoint
from wattlight.store import Shipment, read_shipment
from wattlight.web import FaultKind, Limits, Wire, WireFault, proxy_for

PROTOCOL = 1
_LIMITS = Limits(body_bytes=16 << 20, total_s=30.0)
_MOST_MARKS = 24 * 366 * 3
_NEWEST_HOUR = 24 * 366 * 300


class FarProblem(Problem):
    """A meter on another computer cannot be read."""

    code = "far_meter"


@dataclass(frozen=True, slots=True)
class FarState:
    """How the meter there stands; hours are numbers since 1970 UTC, None for an empty ledger."""

    instance: str
    first_hour: int | None = None
    last_hour: int | None = None
    at: datetime | None = None
    power_w: float | None = None
    error_fraction: float | None = None
    whole: bool = False
    parts: tuple[str, ...] = ()
    profile: MachineProfile | None = None


class FarLedger:
    """Asks one meter. Every method raises :class:`FarProblem`, or ``BadShipment``."""

    def __init__(self, wire: Wire, name: str, cancel: Event | None = None) -> None:
        self._wire, self._name, self._cancel = wire, clean_text(name, 60), cancel

    def state(self) -> FarState:
        document = self._get("/v1/state")
        if document.get("schema") != PROTOCOL:
            raise self._no_meter()
        at_us = _whole(document.get("at_us"))
        profile, listed = document.get("profile"), document.get("parts")
        parts = [part for part in listed if isinstance(part, str)] if isinstance(listed, list) else []
        try:
            return FarState(
                clean_text(str(document["instance"]), 64),
                _hour(document.get("first_hour")),
                _hour(document.get("last_hour")),
                None if at_us is None else from_us(at_us),
                _figure(document.get("power_w"), 1e6),
                _figure(document.get("error_fraction"), 100),
                document.get("whole") is True,
                tuple(clean_text(part, 60) for part in parts[:20]),
                None if profile is None else parse_machine(profile),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._no_meter() from error

    def marks(self, first: int, end: int) -> dict[int, str]:
        """The mark of each hour of the span that has anything."""
        found: dict[int, str] = {}
        for start in range(first, end, _MOST_MARKS):
            until = min(end, start + _MOST_MARKS)
            marks = self._get(f"/v1/marks?from={start}&to={until}").get("marks")
            if not isinstance(marks, list) or len(marks) > _MOST_MARKS:
                raise self._no_meter()
            for item in marks:
                hour = _hour(item[0]) if isinstance(item, list) and len(item) == 2 else None
                if hour is None or not start <= hour < until or not isinstance(item[1], str):
                    raise self._no_meter()
                found[hour] = item[1][:32]
        return found

    def hours(self, host: HostId, first: int, end: int) -> Shipment:
        """All rows of the first hours of the span, as many as the other side gives at once."""
        return read_shipment(self._get(f"/v1/hours?from={first}&to={end}"), host, first, end)

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with self._wire.ask("GET", path, None, _LIMITS, self._cancel) as answer:
                body = answer.body()
        except WireFault as fault:
            raise self._fault(fault) from fault
        if answer.status == 401:
            raise FarProblem(
                tr("The meter on {name} does not accept the token.", name=self._name),
                tr("'wattlight meter --show-token' there tells it; give it with 'wattlight hosts meter'."),
            )
        if answer.status != 200:
            raise self._no_meter()
        try:
            document = read_json(body)
        except (ValueError, RecursionError) as error:
            raise self._no_meter() from error
        if not isinstance(document, dict):
            raise self._no_meter()
        return document

    def _no_meter(self) -> FarProblem:
        return FarProblem(
            tr("What answers for {name} is no meter of this Wattlight's version.", name=self._name),
            tr("Start it there with 'wattlight meter --serve 127.0.0.1'."),
        )

    def _fault(self, fault: WireFault) -> FarProblem:
        if fault.kind is FaultKind.TLS:
            return FarProblem(
                tr(
                    "The certificate of the meter on {name} could not be verified ({reason}).",
                    name=self._name,
                    reason=clean_text(fault.detail, 80),
                ),
                tr("Make it one that this computer knows."),
            )
        return FarProblem(
            tr("The meter on {name} does not answer ({reason}).", name=self._name, reason=fault.kind.value)
        )


def open_far(
    address: str, name: str, token: str | None, environ: Mapping[str, str], cancel: Event | None = None
) -> FarLedger:
    """Asks the meter at ``address``; nothing is sent yet.

    Raises:
        FarProblem: the token could be read on the way (code ``unencrypted``).
        Problem: the address cannot be used.
    """
    endpoint = parse_endpoint(address if "://" in address or ":" in address else f"{address}:9189")
    if not endpoint.is_private:
        raise FarProblem(
            tr("The token of a meter is only sent over https or within this computer."),
            tr("Use https://… or ssh://user@host, which opens a tunnel."),
            "unencrypted",
        )
    try:
        proxy = proxy_for(endpoint, environ)
    except WireFault as fault:
        raise FarProblem(tr("The proxy for {url} cannot be used.", url=endpoint.url)) from fault
    return FarLedger(Wire(endpoint, None if token is None else f"Bearer {token}", proxy), name, cancel)


def _hour(value: Any) -> int | None:
    found = _whole(value)
    return found if found is not None and 0 <= found <= _NEWEST_HOUR else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 60 else None


def _figure(value: Any, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most else None  # NaN is neither
