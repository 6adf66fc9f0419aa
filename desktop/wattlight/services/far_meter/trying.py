"""A meter of another computer before it is used: whether its address can be, and what it says."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from wattlight.domain.power import compose
from wattlight.domain.values import MachineProfile, Problem
from wattlight.i18n import joined, kwh, tr, watts
from wattlight.settings import ServerAddress
from wattlight.system import Tunnel

from .asking import FarState, open_far
from .sources import open_source

if TYPE_CHECKING:
    from wattlight.services.factory import ServiceFactory

METER_KINDS = ("wattlight", "prometheus", "homeassistant")
"""A Wattlight that serves its ledger, an exporter of cards' counters, an entity of Home Assistant."""


def check_meter(host: ServerAddress, environ: Mapping[str, str], token: str | None) -> None:
    """Raises:
    Problem: it is no address of a meter, or a token could be read on the way there.
    """
    if host.meter_kind != "wattlight":
        open_source(host, environ, token)
    elif host.meter.startswith("ssh://"):
        Tunnel(host.meter, environ)
    else:
        open_far(host.meter, host.name, token, environ)


def try_meter(factory: "ServiceFactory", host: ServerAddress, token: str | None) -> str:
    """Ask the meter of a host once; what it says of itself, for a sentence.

    Raises:
        Problem: it cannot be read.
    """
    if host.meter_kind != "wattlight":
        devices = open_source(host, factory.environ, token).read()
        total, counted = compose(devices), sum(part.counter_mj or 0 for part in devices)
        names = joined(part.device.name for part in devices)
        if total.measured_w is None:
            return tr("it has counted {energy} ({parts})", energy=kwh(counted), parts=names)
        return tr("{watts} now ({parts})", watts=watts(total.measured_w), parts=names)
    state = _asked(factory, host, token)
    if state.power_w is None:
        return tr("it tells no watts now")
    return tr("{watts} now ({parts})", watts=watts(state.power_w), parts=joined(state.parts))


def adopt_meter(
    factory: "ServiceFactory", host: ServerAddress, token: str, in_file: bool = False
) -> tuple[ServerAddress, str]:
    """Ask the meter that ``host`` names and keep its token; the caller puts the host into the settings.

    Returns it with what the meter said of itself, for a sentence.

    Raises:
        Problem: it cannot be read, or the token cannot be kept; nothing was kept then.
    """
    found = try_meter(factory, host, token or None)
    if token:
        factory.keyring().put(host.meter_secret, token, in_file)
    return replace(host, meter_key=bool(token)), found


def far_profile(factory: "ServiceFactory", host: ServerAddress) -> MachineProfile | None:
    """The other computer as its Wattlight describes it; None where none is asked, or it does not answer."""
    if not host.meter or host.meter_kind != "wattlight":
        return None
    token = factory.keyring().get(host.meter_secret) if host.meter_key else None
    try:
        return _asked(factory, host, token).profile
    except Problem as problem:
        logging.getLogger("wattlight").info("the meter of %s: %s", host.host, problem.message)
        return None


def _asked(factory: "ServiceFactory", host: ServerAddress, token: str | None) -> FarState:
    tunnel = Tunnel(host.meter, factory.environ) if host.meter.startswith("ssh://") else None
    try:
        address = host.meter if tunnel is None else f"127.0.0.1:{tunnel.port()}"
        return open_far(address, host.name, token, factory.environ).state()
    finally:
        if tunnel is not None:
            tunnel.close()
