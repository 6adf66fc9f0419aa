"""``wattlight unload``: free the memory of one or all loaded models."""

import argparse

from wattlight.i18n import tr
from wattlight.services.models import SwitchResult, unload, unload_all, with_it_text

from .options import add_host_option, kept_documents
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help="name of a loaded model (default: all)")
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    server = call.workshop.server(args.host)
    result = unload_all(server) if args.model is None else unload(server, args.model)
    if call.as_json:
        call.out.document({"unloaded": list(result.unloaded), "kept": kept_documents(result.kept)})
        return
    if not result.unloaded and not result.kept:
        call.out.note(tr("No model is loaded on {url}.", url=server.url))
    print_unloaded(call, result, args.model)


def print_unloaded(call: Call, result: SwitchResult, asked: str | None = None) -> None:
    """What is unloaded, what went with the one ``asked`` for, and why anything was kept."""
    for at, name in enumerate(result.unloaded):
        with_it = asked is not None and at > 0
        call.out.note(with_it_text(asked or "", name) if with_it else tr("{model} is unloaded.", model=name))
    for _, reason in result.kept:
        call.out.line(reason)
