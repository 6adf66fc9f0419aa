"""``wattlight remove``: delete a model from the server's disk."""

import argparse
from dataclasses import replace

from wattlight.domain.servers import Can, same_model
from wattlight.i18n import gb, tr
from wattlight.runtime import ModelServer, RuntimeProblem
from wattlight.services.models import drop_with, remove_model
from wattlight.settings import save_settings

from .options import add_host_option, require_yes
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="name of an installed model")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    server = call.workshop.server(args.host)
    server.require(Can.REMOVE)
    found = next((m for m in server.installed() if same_model(m.name, args.model)), None)
    if found is None:
        _check_there(server, args.model)
    name = args.model if found is None else found.name
    size = None if found is None else found.size_bytes
    question = tr("Delete {model} ({size}) from {url}?", model=name, size=gb(size), url=server.url)
    refusal = tr("{model} ({size}) would be deleted from {url}.", model=name, size=gb(size), url=server.url)
    require_yes(args, call, question, refusal)
    settings = call.workshop.settings()
    if args.host is None and (alias := drop_with(server, settings.alias, name)) != settings.alias:
        save_settings(call.workshop.places.settings_file, replace(settings, alias=alias))
    was_loaded = remove_model(server, name)
    document = {"removed": name, "size_bytes": size, "was_loaded": was_loaded}
    call.answer(document, *(() if call.out.quiet else (tr("{model} is deleted.", model=name),)))


def _check_there(server: ModelServer, model: str) -> None:
    """A model with a damaged file is not listed and cannot be shown, and can still be deleted."""
    try:
        server.check_installed(model)
    except RuntimeProblem as problem:
        if problem.code != "damaged_model":
            raise
