"""``wattlight switch``: load one model and unload the others."""

import argparse
import sys
from dataclasses import replace

from wattlight.domain.servers import Can, RunningModel, same_model
from wattlight.domain.values import Problem
from wattlight.runtime import ModelServer, parse_endpoint
from wattlight.services.models import point_alias, room_by_size, switch
from wattlight.settings import save_settings

from . import verb_load
from .options import kept_documents
from .output import Call
from .verb_load import loaded_document, print_loaded, require_wishes, wish_of
from .verb_unload import print_unloaded

arguments = verb_load.arguments


def run(args: argparse.Namespace, call: Call) -> None:
    """Switch, and say what is loaded now."""
    server = call.workshop.server(args.host)
    require_wishes(server, args)

    def say(text: str) -> None:
        if not call.as_json and not call.out.quiet and sys.stderr.isatty():
            sys.stderr.write(f"{text} …\n")

    def fits(model: str, running: tuple[RunningModel, ...]) -> bool | None:
        return _fits(server, call, model, running)

    wish = wish_of(args, call)
    asked = wish.context_length
    result = switch(server, args.model, fits, keep_alive=wish.keep_alive, context_length=asked, say=say)
    if args.host is None:
        _point_alias(server, call, args.model)
    if call.as_json:
        call.out.document(
            {
                "model": args.model,
                **loaded_document(result.loaded, asked),
                "unloaded": list(result.unloaded),
                "kept": kept_documents(result.kept),
                "unloaded_first": result.unloaded_first,
            }
        )
        return
    print_loaded(call, args.model, result.loaded, asked)
    print_unloaded(call, result)


def _point_alias(server: ModelServer, call: Call, model: str) -> None:
    """Where the settings want a name that follows; that it cannot be had does not undo the switch."""
    settings = call.workshop.settings()
    if not settings.alias.on or not server.can(Can.COPY):
        return
    try:
        alias = point_alias(server, settings.alias, model)
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return
    if alias != settings.alias:
        save_settings(call.workshop.places.settings_file, replace(settings, alias=alias))


def _fits(server: ModelServer, call: Call, model: str, running: tuple[RunningModel, ...]) -> bool | None:
    """Whether both fit, by size; unknown for a server on another computer."""
    if not parse_endpoint(server.url).is_loopback:
        return None
    wanted = next((m for m in server.installed() if same_model(m.name, model)), None)
    return room_by_size(call.workshop.machine_profile(), wanted, running)
