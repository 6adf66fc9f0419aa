"""``wattlight switch``: load one model and unload the others."""

import argparse
import sys

from wattlight.domain.state import RunningModel
from wattlight.i18n import tr
from wattlight.runtime import ModelServer, parse_endpoint, same_model
from wattlight.services.models import room_by_size, switch

from .options import add_host_option, kept_documents, server_of
from .output import Call
from .verb_load import add_load_options, clipped_line, loaded_document, loaded_line


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("model", metavar="MODEL", help="name of an installed model")
    add_load_options(parser)
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Switch, and say what is loaded now."""
    server = server_of(args, call)

    def say(text: str) -> None:
        if not call.as_json and sys.stderr.isatty():
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
        return 0
    call.out.line(loaded_line(args.model, result.loaded))
    if (note := clipped_line(result.loaded, args.context)) is not None:
        call.out.line(note)
    for name in result.unloaded:
        call.out.line(tr("{model} is unloaded.", model=name))
    for _, reason in result.kept:
        call.out.line(reason)
    return 0


def _fits(server: ModelServer, call: Call, model: str, running: tuple[RunningModel, ...]) -> bool | None:
    """Whether both fit, by size; unknown for a server on another computer."""
    if not parse_endpoint(server.url).is_loopback:
        return None
    wanted = next((m for m in server.installed() if same_model(m.name, model)), None)
    return room_by_size(call.workshop.machine_profile(), wanted, running)
