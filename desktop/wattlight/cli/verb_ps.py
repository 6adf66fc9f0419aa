"""``wattlight ps``: which models are loaded now."""

import argparse
from datetime import datetime

from wattlight.domain.state import RunningModel
from wattlight.i18n import duration, gib, number, percent, tr

from .options import add_host_option, running_document
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    """List the loaded models as the server reports them."""
    server = call.workshop.server(args.host)
    version = server.version()
    models = server.running()
    trained = {m.name: server.trained_context(m.name) for m in models} if not call.out.quiet else {}
    settings = call.workshop.settings()
    asked = {m.name: settings.wish(m.name).context_length for m in models}
    if call.as_json:
        call.out.document(
            {
                "server": {"url": server.url, "version": version},
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
            kept_text(m, now),
        )
        for m in models
    ]
    call.out.table(rows, {1, 2, 3, 4, 5})
    call.out.line()
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
