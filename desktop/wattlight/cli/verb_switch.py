"""``wattlight switch``: load one model and unload the others."""

import argparse
import sys

from wattlight.domain.state import RunningModel, same_model
from wattlight.runtime import ModelServer, parse_endpoint
from wattlight.services.models import room_by_size, switch

from . import verb_load
from .options import kept_documents
from .output import Call
from .verb_load import loaded_document, print_loaded
from .verb_unload import print_unloaded

arguments = verb_load.arguments


def run(args: argparse.Namespace, call: Call) -> None:
    """Switch, and say what is loaded now."""
    server = call.workshop.server(args.host)

    def say(text: str) -> None:
        if not call.as_json and not call.out.quiet and sys.stderr.isatty():
            sys.stderr.write(f"{text} …\n")

    def fits(model: str, running: tuple[RunningModel, ...]) -> bool | None:
        return _fits(server, call, model, running)

    result = switch(server, args.model, fits, keep_alive=args.keep, context_length=args.context, say=say)
    if call.as_json:
        call.out.document(
            {
                "model": args.model,
                **loaded_document(result.loaded, args.context),
                "unloaded": list(result.unloaded),
                "kept": kept_documents(result.kept),
                "unloaded_first": result.unloaded_first,
            }
        )
        return
    print_loaded(call, args.model, result.loaded, args.context)
    print_unloaded(call, result)


def _fits(server: ModelServer, call: Call, model: str, running: tuple[RunningModel, ...]) -> bool | None:
    """Whether both fit, by size; unknown for a server on another computer."""
    if not parse_endpoint(server.url).is_loopback:
        return None
    wanted = next((m for m in server.installed() if same_model(m.name, model)), None)
    return room_by_size(call.workshop.machine_profile(), wanted, running)
