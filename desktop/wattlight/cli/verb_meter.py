"""``wattlight meter``: record without a window."""

import argparse
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType

from wattlight.domain.power import MachineSample
from wattlight.domain.values import DeviceSample, Problem
from wattlight.i18n import duration, kwh, tr
from wattlight.runtime import choose_address
from wattlight.services.calibration import wall_of
from wattlight.services.current import Servers
from wattlight.services.learned import LearnedWatts
from wattlight.services.metering import MeterView, Recording, ResidentWatch, Wiring
from wattlight.services.threads import Threads
from wattlight.viewmodels.words import DASH

from .options import add_host_option, seconds
from .output import Call


class RecordingProblem(Problem):
    """This process cannot record."""

    code = "recording"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for", dest="seconds", type=seconds, metavar="SECONDS", help="stop by itself after this time"
    )
    add_host_option(parser)
    parser.add_argument(
        "--learn", action="store_true", help="learn the idle power of each part anew (no model loaded)"
    )


def run(args: argparse.Namespace, call: Call) -> None:
    """Record until SIGTERM, SIGINT or the end of ``--for``."""
    shop, settings = call.workshop, call.workshop.settings()
    address = choose_address(args.host, settings.servers)
    servers = Servers((address,), shop.environ, lambda name: shop.keyring().get(name))
    if servers.problems:
        raise servers.problems[0]
    ended, tell = threading.Event(), _teller(call)
    threads = Threads(lambda name, text: tell(f"part {name}", text))
    watch = ResidentWatch(
        lambda before: servers.state(address.host, before, full=before is None), start=threads.start
    )

    def look() -> MachineSample:
        prober.watch_port(servers[address.host].port_here)
        return prober.sample()

    with closing(shop.prober()) as prober:
        wiring = Wiring(
            shop.places.ledger_file,
            shop.places.meter_lock,
            look,
            watch.running,
            shop.tariff,
            shop.now,
            shop.zone(),
            settings.meter.shown_interval_s,
            settings.meter.hidden_interval_s,
            LearnedWatts(shop.places.learned_file),
        )
        recording = Recording(wiring, notify=tell, start=threads.start)
        recording.meter.set_wall(wall_of(settings.meter))
        with _ended_by_signals(ended):
            _record(args, call, recording, watch, ended)


def _record(
    args: argparse.Namespace, call: Call, recording: Recording, watch: ResidentWatch, ended: threading.Event
) -> None:
    watch.look()
    if not recording.start(must_record=True):
        who = recording.holder()
        shown = "" if who is None else f" (process {who})"
        raise RecordingProblem(
            tr("Another Wattlight{shown} records already.", shown=shown),
            tr("Read its figures with 'wattlight cost'."),
        )
    started_s = time.monotonic()
    try:
        watch.start()
        if args.learn:
            recording.meter.learn_anew()
        if call.as_json:
            call.out.record({"event": "started", "at": _iso(call)})
        else:
            call.out.line(tr("Recording. Stop with Ctrl-C; read with 'wattlight cost'."))
        ended.wait(args.seconds)
    finally:
        watch.stop(5.0)
        recording.stop()
    _goodbye(call, recording.kept(), time.monotonic() - started_s)


def _goodbye(call: Call, view: MeterView, seconds: float) -> None:
    today = view.today
    if call.as_json:
        call.out.record(
            {
                "event": "stopped",
                "at": _iso(call),
                "recorded_s": round(seconds, 3),
                "today": None
                if today is None
                else {
                    "energy_mj": today.energy_mj,
                    "models_mj": None if today.models_unknown else today.models.energy_mj,
                    "cost_micro": today.cost_micro,
                    "models_micro": None if today.models_unknown else today.models.cost_micro,
                    "currency": today.currency,
                    "observed_s": int(today.observed_s),
                },
            }
        )
        return
    call.out.line(tr("Recorded for {time}.", time=duration(seconds)))
    if today is not None and today.quality is not None:
        call.out.line(
            tr(
                "Today: models {models}, measured parts of the computer {all}.",
                models=DASH if today.models_unknown else kwh(today.models.energy_mj),
                all=kwh(today.energy_mj),
            )
        )
    elif today is None:
        call.out.line(tr("What was recorded is not on disk."))
    elif view.sample is not None and any(_is_read(device) for device in view.sample.devices):
        call.out.line(tr("Nothing was recorded yet: a counter needs two readings."))
    else:
        call.out.line(tr("No power sensor could be read; see 'wattlight doctor'."))


def _is_read(device: DeviceSample) -> bool:
    return device.counter_mj is not None or device.power_w is not None


def _teller(call: Call) -> Callable[[str, str], None]:
    def tell(kind: str, text: str) -> None:
        if call.as_json:
            call.out.record({"event": "notice", "kind": kind, "text": text, "at": _iso(call)})
        else:
            call.out.line(text)

    return tell


def _iso(call: Call) -> str:
    return call.workshop.now().isoformat().replace("+00:00", "Z")


@contextmanager
def _ended_by_signals(ended: threading.Event) -> Iterator[None]:
    """SIGTERM, SIGINT and a terminal that closes set ``ended``; outside of the main thread signals are left
    alone."""

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = [getattr(signal, name, None) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")]
    before = {name: signal.signal(name, end) for name in names if name is not None}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
