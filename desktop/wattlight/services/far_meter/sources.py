"""What already measures another computer: an exporter of its cards' counters, or energy in Home Assistant.

What they say is metered here as if the parts were this computer's: gaps are gaps, and models are billed.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from wattlight.domain.exposition import TokenGrowth, series_of
from wattlight.domain.plug import PlugCounter, PlugPart
from wattlight.domain.power import MachineSample, measured
from wattlight.domain.servers import Can
from wattlight.domain.state import FarMeter
from wattlight.domain.values import Device, DeviceSample, Problem, Quality, Scope, clean_text
from wattlight.i18n import joined, percent, tr
from wattlight.probes.plugs import open_plug
from wattlight.runtime import parse_endpoint
from wattlight.services.metering import LiveMeter, MeterView
from wattlight.settings import PlugSettings, ServerAddress
from wattlight.web import Limits, Wire, WireFault, proxy_for

from .asking import FarProblem
from .lane import Lane, LaneParts

BEAT_S = 10.0
_LIMITS = Limits(body_bytes=8 << 20)
_WATTS, _COUNTER = "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
"""Watts, and millijoules since the driver was loaded (NVIDIA's DCGM exporter)."""
_MOST_CARDS = 64
_MOST_MJ = 1 << 60


class FarSource(Protocol):
    """Something that measures another computer."""

    def read(self) -> tuple[DeviceSample, ...]:
        """Its parts now. Raises Problem."""


class CardExporter:
    """NVIDIA's DCGM exporter, asked at its own page."""

    def __init__(self, address: str, environ: Mapping[str, str], token: str | None) -> None:
        endpoint = parse_endpoint(address)
        if not (endpoint.is_private or endpoint.is_at_home) or (token and not endpoint.is_private):
            raise FarProblem(
                tr("{url} is not encrypted and outside of this computer.", url=endpoint.url),
                tr("Use https."),
                "unencrypted",
            )
        self._path = "" if endpoint.path else "/metrics"
        try:
            proxy = proxy_for(endpoint, environ)
        except WireFault as fault:
            raise FarProblem(tr("The proxy for {url} cannot be used.", url=endpoint.url)) from fault
        self._wire = Wire(endpoint, None if token is None else f"Bearer {token}", proxy)

    def read(self) -> tuple[DeviceSample, ...]:
        try:
            with self._wire.ask("GET", self._path, None, _LIMITS, headers=("Accept: text/plain",)) as answer:
                text = answer.body().decode(errors="replace")
        except WireFault as fault:
            raise FarProblem(
                tr("The exporter at {url} does not answer.", url=self._wire.endpoint.url)
            ) from fault
        cards = cards_of(text) if answer.status == 200 else ()
        if not cards:
            raise FarProblem(
                tr("At {url} no card's watts or energy are told.", url=self._wire.endpoint.url),
                tr("Give the address of NVIDIA's DCGM exporter, like http://gpu-box:9400/metrics."),
            )
        return cards


def cards_of(text: str) -> tuple[DeviceSample, ...]:
    """The cards in a page of an exporter; slices of a card are left out, the whole of it counts."""
    names: dict[str, str] = {}
    watts: dict[str, float] = {}
    counters: dict[str, int] = {}
    for line in series_of(text, (_WATTS, _COUNTER)):
        key = line.labels.get("UUID") or line.labels.get("gpu") or ""
        sliced = bool(line.labels.get("GPU_I_ID"))
        if not key or sliced or (len(names) >= _MOST_CARDS and key not in names):
            continue
        names[key] = clean_text(line.labels.get("modelName") or key, 60)
        if line.value is None:
            continue
        if line.name == _WATTS and line.value < 1e5:
            watts[key] = line.value
        elif line.name == _COUNTER and line.value < _MOST_MJ:
            counters[key] = int(line.value)
    return tuple(
        DeviceSample(
            Device(clean_text(key, 80), name, kind="gpu", vendor="nvidia"),
            measured(
                watts.get(key),
                "dcgm-exporter",
                Scope.BOARD,
                Quality.COUNTER if key in counters else Quality.SAMPLED,
                None,
                key in counters,
            ),
            counter_mj=counters.get(key),
        )
        for key, name in names.items()
        if key in watts or key in counters
    )


class HomeEntity:
    """An energy entity of Home Assistant that stands for the other computer."""

    def __init__(self, address: ServerAddress, token: str | None) -> None:
        settings = PlugSettings(
            "homeassistant", address.meter, watts=address.meter_watts, energy=address.meter_energy
        )
        self._plug = open_plug(settings, token)
        self._counter = PlugCounter()
        self._part = PlugPart(settings.hangs, " ".join((address.meter, address.meter_energy)))
        self._part.source = self._plug.source

    def read(self) -> tuple[DeviceSample, ...]:
        now_s = time.monotonic()
        reading = self._counter.take(now_s, time.time(), self._plug.read())
        return (self._part.sample(reading, None, now_s),)


def open_source(address: ServerAddress, environ: Mapping[str, str], token: str | None) -> FarSource:
    """Raises:
    Problem: the address cannot be used.
    """
    if address.meter_kind == "homeassistant":
        return HomeEntity(address, token)
    return CardExporter(address.meter, environ, token)


class SourceLane(Lane):
    """Meters another computer by what a source says, at a steady beat."""

    hidden_s = BEAT_S

    def __init__(self, address: ServerAddress, parts: LaneParts) -> None:
        super().__init__(address, parts)
        self._source: FarSource | None = None
        self._live: LiveMeter | None = None
        self._tokens = TokenGrowth()

    def ask(self) -> None:
        if self._source is None:
            self._source = open_source(self.address, self.parts.factory.environ, self.token())
        devices = self._source.read()
        live = self._live = self._live or self._begin()
        sample = MachineSample(self.address.host, self.parts.factory.now(), time.monotonic(), devices)
        self._count(live)
        live.take(sample)
        total = sample.total
        basis = joined(part.name for part in devices if part.id in total.counted)
        if total.error_fraction is not None:
            basis = tr("{basis}, about ±{error}", basis=basis, error=percent(total.error_fraction))
        self.tell(FarMeter(total.measured_w, basis, sample.at))

    def _count(self, live: LiveMeter) -> None:
        """Book the tokens of a server there that counts them; its watch tells when it is away."""
        server = self.parts.servers.get(self.address.host)
        if server is None or not server.can(Can.USAGE):
            return
        try:
            counted = server.tokens(self.leaving)
        except Problem:
            return
        for model, (tokens_in, tokens_out) in self._tokens.since(counted).items():
            live.note_tokens(model, tokens_in, tokens_out)

    def end(self) -> None:
        if self._live is not None:
            self._live.finish()

    def _begin(self) -> LiveMeter:
        host, parts = self.address.host, self.parts
        live = LiveMeter(
            parts.meter.put,
            lambda: next((h.server.resident for h in parts.hub.state.hosts if h.id == host), None),
            parts.settings.tariff,
            parts.factory.now,
            self._publish,
            parts.zone,
            host,
        )
        live.expect(BEAT_S)
        with parts.factory.ledger() as reader:
            levels = reader.levels(host)
            parts.meter.write(lambda writer: live.resume(writer.counters(host), levels))
            live.reload(reader)
        return live

    def _publish(self, view: MeterView) -> None:
        host = self.address.host
        self.parts.hub.update_host(
            host, lambda item: replace(item, history=view.history, today=view.today, month=view.month)
        )
