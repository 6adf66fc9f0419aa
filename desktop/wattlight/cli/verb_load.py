"""``wattlight load``: load a model beside what is loaded."""

import argparse

from wattlight.domain.servers import Can, RunningModel, same_model
from wattlight.i18n import gib, number, tr
from wattlight.runtime import ModelServer
from wattlight.services.models import load_beside, shared_text
from wattlight.settings import ModelWish, save_settings

from .options import add_host_option, keep_time, running_document, whole
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="name of an installed model")
    parser.add_argument("--context", type=whole(1, 1 << 31), metavar="N", help="context length in tokens")
    parser.add_argument(
        "--keep",
        metavar="TIME",
        type=keep_time,
        help='how long to keep it after its last use: "5m", "1h", "forever" (or -1)',
    )
    parser.add_argument(
        "--remember",
        action="store_true",
        help="load it so from now on, here and from the tray; without --context and --keep: as all models",
    )
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    server = call.workshop.server(args.host)
    require_wishes(server, args)
    wish = wish_of(args, call)
    loaded = load_beside(server, args.model, keep_alive=wish.keep_alive, context_length=wish.context_length)
    if call.as_json:
        call.out.document({"model": args.model, **loaded_document(loaded, wish.context_length)})
        return
    print_loaded(call, args.model, loaded, wish.context_length)


def require_wishes(server: ModelServer, args: argparse.Namespace) -> None:
    """Refuse what was typed and this kind of server cannot do, before anything is done."""
    server.require(Can.LOAD)
    if args.context:
        server.require(Can.CONTEXT)
    if args.keep:
        server.require(Can.KEEP)


def wish_of(args: argparse.Namespace, call: Call) -> ModelWish:
    """How it is to be loaded: as said, else as was chosen for it before; None leaves it to the server."""
    settings = call.workshop.settings()
    if args.remember:
        settings = settings.with_wish(ModelWish(args.model, args.context, args.keep))
        save_settings(call.workshop.places.settings_file, settings)
    own = settings.chosen_for(args.model)
    return ModelWish(args.model, args.context or own.context_length, args.keep or own.keep_alive)


def loaded_document(loaded: RunningModel | None, asked: int | None) -> dict[str, object]:
    """How a model is loaded now; ``loaded`` null when the server no longer lists it."""
    return {
        "loaded": None if loaded is None else running_document(loaded),
        "context_clipped": _clipped(loaded, asked),
    }


def print_loaded(call: Call, model: str, loaded: RunningModel | None, asked: int | None) -> None:
    """What is loaded, and that the server gave less context than was asked for, which it does silently."""
    if call.out.quiet:
        return
    if loaded is None:
        call.out.line(tr("{model} was loaded, but the server does not list it any more.", model=model))
        return
    memory, context = gib(loaded.size_bytes or None), number(loaded.context_length)
    if not same_model(loaded.name, model):
        call.out.line(shared_text(model, loaded))
    text = tr(
        "{model} is loaded: {memory}, context {context}.", model=loaded.name, memory=memory, context=context
    )
    call.out.line(text)
    if _clipped(loaded, asked):
        text = tr("The server gave it a context of {got} instead of the {asked} asked for.")
        call.out.line(text.format(got=context, asked=number(asked)))


def _clipped(loaded: RunningModel | None, asked: int | None) -> bool:
    got = None if loaded is None else loaded.context_length
    return got is not None and asked is not None and got < asked
