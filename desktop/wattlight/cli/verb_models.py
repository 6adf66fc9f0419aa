"""``wattlight models``: what is installed on the server."""

import argparse

from wattlight.domain.servers import Can, ServerKind, cannot_text, kind_name, same_model
from wattlight.i18n import gb, short_date, tr, trn

from .options import add_host_option, installed_document, server_document
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    server = call.workshop.server(args.host)
    version = server.version()
    models = server.installed()
    tells = server.can(Can.TELL_LOADED)
    running = server.running() if tells else ()
    loaded = {m.name: any(same_model(m.name, r.name) for r in running) if tells else None for m in models}
    if call.as_json:
        call.out.document(
            {
                "server": server_document(server, version),
                "models": [installed_document(m, loaded[m.name]) for m in models],
            }
        )
        return
    if call.out.quiet:
        call.out.lines(m.name for m in models)
        return
    if not models:
        call.out.line(tr("No models are installed on {url}.", url=server.url))
        if server.can(Can.PULL):
            call.out.line(
                tr("'wattlight recommend' lists models that fit; 'wattlight pull NAME' downloads one.")
            )
        return
    rows = [(tr("NAME"), tr("SIZE"), tr("PARAMETERS"), tr("QUANTIZATION"), tr("CHANGED"), "")]
    rows += [
        (
            m.name,
            gb(m.size_bytes or None),
            m.parameter_size or "–",
            m.quantization or "–",
            short_date(None if m.modified_at is None else m.modified_at.astimezone().date()),
            tr("loaded")
            if loaded[m.name]
            else tr("runs on {host}", host=m.remote_host)
            if m.remote_host
            else "",
        )
        for m in models
    ]
    call.out.table(rows, {1, 2})
    total = sum(m.size_bytes for m in models)
    call.out.line()
    if server.kind is not ServerKind.OLLAMA:
        name = f"{kind_name(server.kind)} {version}".strip()
        call.out.line(
            trn(
                "{count} model, on {server} at {url}",
                "{count} models, on {server} at {url}",
                len(models),
                server=name,
                url=server.url,
            )
        )
        if not tells:
            call.out.line(cannot_text(server.kind, Can.TELL_LOADED))
        return
    call.out.line(
        trn(
            "{count} model, {size}, on Ollama {version} at {url}",
            "{count} models, {size} before sharing, on Ollama {version} at {url}",
            len(models),
            size=gb(total),
            version=version,
            url=server.url,
        )
    )
