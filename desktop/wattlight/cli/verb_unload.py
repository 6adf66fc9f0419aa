"""``wattlight unload``: free the memory of one or all loaded models."""

import argparse

from wattlight.i18n import tr
from wattlight.services.models import SwitchResult, unload_all

from .options import add_host_option, kept_documents
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help="name of a loaded model (default: all)")
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    server = call.workshop.server(args.host)
    if args.model is None:
        result = unload_all(server)
    else:
        server.unload(args.model)
        result = SwitchResult(None, (args.model,))
    if call.as_json:
        call.out.document({"unloaded": list(result.unloaded), "kept": kept_documents(result.kept)})
        return
    if not result.unloaded and not result.kept:
        call.out.line(tr("No model is loaded on {url}.", url=server.url))
    print_unloaded(call, result)


def print_unloaded(call: Call, result: SwitchResult) -> None:
    """What is unloaded, and why anything was kept."""
    for name in result.unloaded:
        call.out.line(tr("{model} is unloaded.", model=name))
    for _, reason in result.kept:
        call.out.line(reason)
