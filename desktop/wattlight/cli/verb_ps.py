"""``wattlight ps``: which models are loaded now."""

import argparse
from datetime import datetime

from wattlight.domain.servers import Can, RunningModel, kind_name
from wattlight.i18n import duration, gib, number, percent, tr

from .options import add_host_option, running_document, server_document
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    """List the loaded models as the server reports them."""
    server = call.workshop.server(args.host)
    server.require(Can.TELL_LOADED)
    version = server.version()
    models = server.running()
    trained = {m.name: server.trained_context(m.name) for m in models} if not call.out.quiet else {}
    settings = call.workshop.settings()
    takes = server.can(Can.CONTEXT)
    asked = {m.name: settings.wish(m.name).context_length if takes else None for m in models}
    if call.as_json:
        call.out.document(
            {
                "server": server_document(server, version),
                "models": [
                    running_document(m)
                    | {"asked_context": asked[m.name], "trained_context": trained.get(m.name)}
                    for m in models
                ],
            }
        )
        return
    if call.out.quiet:
        call.out.lines(m.name for m in models)
        return
    if not models:
        call.out.line(tr("No model is loaded on {url}.", url=server.url))
        return
    now = call.workshop.now()
    rows = [
        (tr("NAME"), tr("MEMORY"), tr("ON GPU"), tr("CONTEXT"), tr("ASKED"), tr("TRAINED"), tr("KEPT FOR"))
    ]
    rows += [
        (
            m.name,
            gib(m.size_bytes or None),
            percent(m.gpu_share),
            number(m.context_length),
            number(asked[m.name]),
            number(trained[m.name]),
            kept_text(m, now) if server.can(Can.KEEP) else "–",
        )
        for m in models
    ]
    call.out.table(rows, {1, 2, 3, 4, 5})
    call.out.line()
    for model in models:
        if model.said_asleep:
            call.out.line(
                tr(
                    "{model} says it sleeps: requests wait until it is woken. Nothing shows that its "
                    "memory is free.",
                    model=model.name,
                )
            )
    if not server.can(Can.KEEP):
        call.out.line(
            tr("{server} does not tell memory, GPU share and time kept.", server=kind_name(server.kind))
        )
        return
    call.out.line(tr("Memory and its share on the GPU are what the server reports."))
    call.out.line(
        tr("Context is in force; asked is what Wattlight loads it with, another program may ask for more.")
    )


_ENDING_S = 10.0
"""The server takes so long to let a model go. One that is listed longer is at work: its end is not known."""


def kept_text(model: RunningModel, now: datetime) -> str:
    """How long it is still kept; a dash where its time is over and it is still there."""
    if model.expires_at is None:
        return tr("until unloaded")
    left = (model.expires_at - now).total_seconds()
    if left >= 60:
        left = round(left / 60) * 60  # five minutes are still five a second later
    if left > 0:
        return duration(left)
    return tr("ending") if left > -_ENDING_S else "–"
