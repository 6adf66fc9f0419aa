"""``benchmark``: how fast a model is with an empty and a filled context, or at lower power limits."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from wattlight.domain.answers import SLOWER, SLOWER_READING, SWEEPS
from wattlight.domain.state import ServerState, ServerStatus, same_model
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import LOCAL_HOST, Problem, clean_text
from wattlight.i18n import interval, number, percent, tr, watts
from wattlight.probes import CardLimit, PowerLimitProblem
from wattlight.runtime import ModelServer
from wattlight.services.benchmark import (
    NEXT_SAMPLE_S,
    REST_S,
    Benchmark,
    CapRun,
    PowerHistory,
    Progress,
    Subject,
    Sweep,
    note_file,
    sweep,
)
from wattlight.services.metering import Sampler
from wattlight.services.speed_runs import far_subject, subject_of
from wattlight.viewmodels.side_by_side import joules_text, seconds_text

from .options import add_host_option, whole
from .output import Call, Document, ProgressLine, aligned, pick, plain

CONTEXT = 4096
"""Where the model is not loaded."""
DIGITS = 3


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help="the loaded one if there is just one")
    parser.add_argument(
        "--power-caps",
        action="store_true",
        help="measure at 100, 90 … 60 %% of the card's own limit, which is put back at the end",
    )
    parser.add_argument("--card", metavar="N", type=whole(1, 64), default=1, help="which card (default 1)")
    add_host_option(parser)


def run(args: Namespace, call: Call) -> None:
    server = call.workshop.server(args.host)
    model, context = _model(args.model, server)
    if not args.power_caps:
        _answer_fills(call, server, model, args.host)
        return
    if args.host is not None and not server.endpoint.is_loopback:
        raise Problem(
            tr("Only a card of this computer can be given other power limits."),
            tr("Run it there: 'wattlight benchmark --power-caps'."),
            "wrong_use",
        )
    with call.workshop.card_limits() as cards:
        card = _chosen(cards, args.card)
        try:
            card.set(card.limit_mw)  # changes nothing: are we allowed to?
        except PowerLimitProblem as problem:
            raise PowerLimitProblem(
                f"{problem.message} {published()}", problem.next_step, problem.code
            ) from problem
        made = _swept(call, server, card, Subject(model, "", card.name, context))
    call.answer(sweep_document(model, made), *sweep_lines(model, made))


def _answer_fills(call: Call, server: ModelServer, model: str, host: str | None) -> None:
    """Measure on mains and idle, and keep the figures for what is recommended."""
    workshop = call.workshop
    (subject,) = subjects(call, server, host, model)
    line = ProgressLine(not call.as_json and not call.out.quiet)

    def told(news: Progress) -> None:
        share = news.share
        line.show(tr("loading…") if share is None else tr("{share} measured", share=percent(share)))

    with watched_power(call, subject) as history:
        try:
            known = any(subject.host == known.host for known in workshop.settings().servers)
            book = workshop.jobs() if known or subject.host == LOCAL_HOST else None
            runs = Benchmark(server, history, book, workshop.now).run_fills(subject, told)
        finally:
            line.end()
    call.answer(fills_document(subject, runs), *fills_lines(runs))


def subjects(call: Call, server: ModelServer, host: str | None, *models: str) -> tuple[Subject, ...]:
    """What is measured: ``models`` of ``server``, on this computer or on the one that ``host`` names."""
    workshop, address = call.workshop, call.workshop.address(host)
    state = ServerState(
        server.url, ServerStatus.READY, server.version(), server.installed(), server.running()
    )
    wish = workshop.settings().wish
    if server.endpoint.is_loopback and not address.meter:
        profile, advisor = workshop.machine_profile(), workshop.advisor()
        return tuple(subject_of(m, state, profile, advisor, wish(m).context_length) for m in models)
    return tuple(far_subject(m, state, address) for m in models)


def _model(wanted: str | None, server: ModelServer) -> tuple[str, int]:
    """The model and the context it is loaded with."""
    running = server.running()
    if wanted is None and len(running) != 1:
        raise Problem(
            tr("It is not clear which model to measure: {n} are loaded.", n=len(running)),
            tr("Name it: 'wattlight benchmark MODEL'."),
            "wrong_use",
        )
    name = wanted or running[0].name
    loaded = next((m for m in running if same_model(m.name, name)), None)
    return name, (loaded.context_length if loaded else None) or CONTEXT


def _chosen(cards: list[CardLimit], number_of_it: int) -> CardLimit:
    if not cards:
        raise PowerLimitProblem(
            tr("No card here lets its power limit be read. {published}", published=published()),
            tr("'wattlight hardware' shows what was found."),
        )
    if number_of_it > len(cards):
        names = ", ".join(f"{n} {card.name}" for n, card in enumerate(cards, 1))
        raise Problem(tr("There is no such card."), tr("These are here: {names}.", names=names), "wrong_use")
    return cards[number_of_it - 1]


@contextmanager
def watched_power(call: Call, subject: Subject) -> Iterator[PowerHistory | None]:
    """The power of this computer, looked at twice a second within the block; None for a subject elsewhere."""
    if subject.host != LOCAL_HOST:
        yield None
        return
    history, prober = PowerHistory(), call.workshop.prober()
    sampler = Sampler(prober.sample, history.take, start=call.workshop.threads.start)
    sampler.set_watching(True)
    sampler.start()
    try:
        history.wait_past(time.monotonic() + REST_S, NEXT_SAMPLE_S)
        yield history
    finally:
        sampler.stop()
        prober.close()


def _swept(call: Call, server: ModelServer, card: CardLimit, subject: Subject) -> Sweep:
    note = note_file(call.workshop.places, call.workshop.environ)

    def told(made: CapRun) -> None:
        if not call.as_json and not call.out.quiet:
            speed = number(made.speed.output_tokens_per_s, 1)
            call.out.line(tr("{limit}: {speed} tokens/s", limit=watts(made.limit_w), speed=speed))

    with watched_power(call, subject) as history:
        benchmark = Benchmark(server, history, None, call.workshop.now)
        return sweep(card, lambda: benchmark.run(subject), note, told)


def published() -> str:
    """What others have measured, for where nothing can be measured here."""
    return tr(
        "Published sweeps ({sweeps} of the limit) lost {slower} of the speed of answers and {reading} of "
        "reading.",
        sweeps=SWEEPS,
        slower=interval(*map(percent, SLOWER)),
        reading=interval(*map(percent, SLOWER_READING)),
    )


def fills_document(subject: Subject, runs: Sequence[MeasuredSpeed]) -> Document:
    names = (
        "cache_tokens first_token_s prompt_tokens_per_s output_tokens_per_s output_tokens joules_per_token"
    )
    return {
        **pick(subject, "model digest device driver context server_version"),
        "load_s": plain(runs[0].load_s, DIGITS),
        "fills": [pick(run, f"{names} energy_error_fraction energy_reason", DIGITS) for run in runs],
    }


def fills_lines(runs: Sequence[MeasuredSpeed]) -> list[str]:
    """A line for each fill of the context, and what the figures rest on."""
    head = (
        tr("In the context"),
        tr("first token"),
        tr("prompt, tokens/s"),
        tr("answer, tokens/s"),
        tr("J a token"),
    )
    rows = [
        (
            tr("{n} tokens", n=number(run.cache_tokens)),
            seconds_text(run.first_token_s),
            number(run.prompt_tokens_per_s, 0),
            number(run.output_tokens_per_s, 1),
            joules_text(run.joules_per_token, run.energy_error_fraction),
        )
        for run in runs
    ]
    lines = aligned([head, *rows], {1, 2, 3, 4})
    first = runs[0]
    about = [first.device, first.driver, tr("context {n}", n=number(first.context))]
    if first.load_s is not None:
        about.append(tr("loaded in {time}", time=seconds_text(first.load_s)))
    lines.append(" · ".join(part for part in about if part))
    if len(runs) == 1:
        lines.append(
            tr("A filled context was not measured: it is short, or its prompt takes more than a minute.")
        )
    reasons = dict.fromkeys(run.energy_reason for run in runs if run.energy_reason)
    return [*lines, *reasons]


def sweep_document(model: str, made: Sweep) -> Document:
    return {
        "model": model,
        "device": made.device,
        "runs": [
            {
                "limit_w": plain(run.limit_w, DIGITS),
                "tokens_per_s": plain(run.speed.output_tokens_per_s, DIGITS),
                "joules_per_token": plain(run.speed.joules_per_token, DIGITS),
                "energy_error": plain(run.speed.energy_error_fraction, DIGITS),
                "energy_reason": run.speed.energy_reason,
                "slower": plain(made.slower(run), DIGITS),
                "saved": plain(made.saved(run), DIGITS),
            }
            for run in made.runs
        ],
        "advised_w": plain(made.advised.limit_w if made.advised else None, DIGITS),
    }


def sweep_lines(model: str, made: Sweep) -> list[str]:
    head = (tr("Limit"), tr("tokens/s"), tr("slower"), tr("J a token"), tr("saved"))
    rows = [
        (
            watts(run.limit_w),
            number(run.speed.output_tokens_per_s, 1),
            percent(made.slower(run)),
            "–" if run.speed.joules_per_token is None else number(run.speed.joules_per_token, 2),
            percent(made.saved(run)),
        )
        for run in made.runs
    ]
    lines = ["", *aligned([head, *rows], {0, 1, 2, 3, 4}), ""]
    best = made.advised
    if best is None:
        return [*lines, tr("No limit is worth setting for {model}.", model=clean_text(model, 80))]
    text = tr(
        "{limit} saves {saved} of the energy of a token and costs {slower} of the speed with {model}. To "
        "set it until the next start: sudo nvidia-smi -pl {n}",
        limit=watts(best.limit_w),
        saved=percent(made.saved(best)),
        slower=percent(max(0.0, made.slower(best))),
        model=clean_text(model, 80),
        n=round(best.limit_w),
    )
    return [*lines, text]
