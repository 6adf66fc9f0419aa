"""``wattlight load``: load a model beside what is loaded."""

import argparse

from wattlight.domain.state import RunningModel
from wattlight.i18n import gib, number, tr

from .options import add_host_option, running_document, server_of, whole
from .output import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("model", metavar="MODEL", help="name of an installed model")
    add_load_options(parser)
    add_host_option(parser)


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--context`` and ``--keep``."""
    parser.add_argument("--context", type=whole(1, 1 << 31), metavar="N", help="context length in tokens")
    parser.add_argument(
        "--keep", metavar="TIME", help='how long to keep it after its last use: "5m", "1h", "forever"'
    )


def run(args: argparse.Namespace, call: Call) -> int:
    """Load the model and say how it is loaded."""
    server = server_of(args, call)
    loaded = server.load(args.model, keep_alive=args.keep, context_length=args.context)
    if call.as_json:
        call.out.document({"model": args.model, **loaded_document(loaded, args.context)})
        return 0
    call.out.line(loaded_line(args.model, loaded))
    if (note := clipped_line(loaded, args.context)) is not None:
        call.out.line(note)
    return 0


def loaded_document(loaded: RunningModel | None, asked: int | None) -> dict[str, object]:
    """How a model is loaded now; ``loaded`` null when the server no longer lists it."""
    return {
        "loaded": None if loaded is None else running_document(loaded),
        "context_clipped": _clipped(loaded, asked),
    }


def loaded_line(model: str, loaded: RunningModel | None) -> str:
    """One sentence for a person."""
    if loaded is None:
        return tr("{model} was loaded, but the server does not list it any more.", model=model)
    return tr(
        "{model} is loaded: {memory}, context {context}.",
        model=loaded.name,
        memory=gib(loaded.size_bytes),
        context=number(loaded.context_length),
    )


def clipped_line(loaded: RunningModel | None, asked: int | None) -> str | None:
    """That the server gave less context than was asked for, which it does without a word."""
    if loaded is None or not _clipped(loaded, asked):
        return None
    return tr(
        "The server gave it a context of {got} instead of the {asked} asked for.",
        got=number(loaded.context_length),
        asked=number(asked),
    )


def _clipped(loaded: RunningModel | None, asked: int | None) -> bool:
    got = None if loaded is None else loaded.context_length
    return got is not None and asked is not None and got < asked
