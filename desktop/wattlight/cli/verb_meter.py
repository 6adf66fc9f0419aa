"""``wattlight meter``: record without a window."""

import argparse
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

from wattlight.domain.power import MachineSample
from wattlight.domain.servers import ServerPart
from wattlight.domain.values import DeviceSample, Problem
from wattlight.i18n import duration, kwh, tr
from wattlight.probes import Prober
from wattlight.runtime import Endpoint, choose_address
from wattlight.services.calibration import wall_of
from wattlight.services.current import Servers
from wattlight.services.far_meter import MeterPage, listening_at, served_token
from wattlight.services.learned import LearnedWatts
from wattlight.services.metering import MeterView, Recording, ResidentWatch, Wiring
from wattlight.services.threads import Threads
from wattlight.store import LedgerReader, make_instance
from wattlight.viewmodels.words import DASH

from .options import add_host_option, seconds, typed
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
    parser.add_argument(
        "--serve",
        metavar="ADDRESS",
        help="let a Wattlight on another computer read the records here: 127.0.0.1 (port 9189) behind an ssh "
        "tunnel or a proxy with https, or any address with --tls-cert and --tls-key",
    )
    parser.add_argument("--tls-cert", metavar="FILE", type=Path, help="certificate for --serve (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", type=Path, help="its key (PEM, without a password)")
    parser.add_argument(
        "--show-token", action="store_true", help="write the token that the other computer needs, and end"
    )
    parser.add_argument(
        "--token-file",
        action="store_true",
        help="keep the token in a file only you can read where there is no keyring",
    )


def run(args: argparse.Namespace, call: Call) -> None:
    """Record until SIGTERM, SIGINT or the end of ``--for``."""
    shop, settings = call.workshop, call.workshop.settings()
    if args.show_token:
        token = served_token(shop.keyring(), args.token_file)
        call.answer({"event": "token", "at": _iso(call), "token": token}, token)
        return
    place = _place(args)
    address = choose_address(args.host, settings.servers)
    servers = Servers((address,), shop.environ, lambda name: shop.keyring().get(name))
    if servers.problems:
        raise servers.problems[0][1]
    ended, tell = threading.Event(), _teller(call)
    threads = Threads(lambda name, text: tell(f"part {name}", text))
    watch = ResidentWatch(
        lambda before: servers.state(address.host, before, part=ServerPart.LOADED), start=threads.start
    )

    def look() -> MachineSample:
        port = servers[address.host].port_here
        prober.watch_ports(() if port is None else (port,))
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
        page = None if place is None else _page(args, call, place, recording, prober)
        with _ended_by_signals(ended):
            _record(args, call, recording, watch, ended, page)


def _place(args: argparse.Namespace) -> Endpoint | None:
    """Where the records are served; None where they are not."""
    if args.serve is None:
        return None
    if (args.tls_cert is None) is not (args.tls_key is None):
        raise Problem(tr("A certificate and its key belong together: --tls-cert and --tls-key."), code="use")
    with typed():
        return listening_at(args.serve, args.tls_cert is not None)


def _page(
    args: argparse.Namespace, call: Call, place: Endpoint, recording: Recording, prober: Prober
) -> MeterPage:
    """The page that another Wattlight reads; its own name is given to the ledger with its first start."""
    shop = call.workshop

    def reader() -> LedgerReader:
        if recording.recorder is not None:
            recording.recorder.flush()
        return shop.ledger()

    return MeterPage(
        place,
        served_token(shop.keyring(), args.token_file),
        reader,
        lambda: recording.meter.view().sample,
        prober.profile,
        shop.threads.start,
        None if args.tls_cert is None else (args.tls_cert, args.tls_key),
    )


def _record(
    args: argparse.Namespace,
    call: Call,
    recording: Recording,
    watch: ResidentWatch,
    ended: threading.Event,
    page: MeterPage | None,
) -> None:
    watch.look()
    if not recording.start(must_record=True):
        who = recording.holder()
        raise RecordingProblem(
            tr("Another Wattlight records already.")
            if who is None
            else tr("Another Wattlight (process {id}) records already.", id=who),
            tr("Read its figures with 'wattlight cost'."),
        )
    started_s = time.monotonic()
    try:
        watch.start()
        if page is not None and recording.recorder is not None:
            recording.recorder.ask(make_instance)
            page.start()
        if args.learn:
            recording.meter.learn_anew()
        if call.as_json:
            call.out.record({"event": "started", "at": _iso(call)})
        else:
            call.out.line(tr("Recording. Stop with Ctrl-C; read with 'wattlight cost'."))
        if page is not None:
            _tell_page(call, page)
        ended.wait(args.seconds)
    finally:
        if page is not None:
            page.stop()
        watch.stop(5.0)
        recording.stop()
    _goodbye(call, recording.kept(), time.monotonic() - started_s)


def _tell_page(call: Call, page: MeterPage) -> None:
    if call.as_json:
        call.out.record({"event": "serving", "at": _iso(call), "url": page.url})
        return
    call.out.line(tr("Another Wattlight may read the records at {url}.", url=page.url))
    call.out.line(tr("It needs the token: wattlight meter --show-token"))


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
