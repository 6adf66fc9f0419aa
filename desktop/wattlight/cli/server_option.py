"""What the verbs on models share: the ``--host`` option, the server, models as documents, yes or no."""

import argparse
import sys
from datetime import datetime

from wattlight.domain.state import InstalledModel, RunningModel
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.runtime import ModelServer

from .call import Call, Document


def add_host_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--host`` to a verb."""
    parser.add_argument(
        "--host",
        metavar="URL|NAME",
        help="the model server: a name from the settings, or an address "
        "(default: OLLAMA_HOST, then port 11434 of this computer)",
    )


def server_of(args: argparse.Namespace, call: Call) -> ModelServer:
    """The server the arguments mean; nothing is sent yet."""
    return call.workshop.server(args.host)


def installed_document(model: InstalledModel, loaded: bool) -> Document:
    """An installed model."""
    return {
        "name": model.name,
        "digest": model.digest or None,
        "size_bytes": model.size_bytes,
        "family": model.family or None,
        "parameter_size": model.parameter_size or None,
        "quantization": model.quantization or None,
        "modified_at": _time(model.modified_at),
        "remote_host": model.remote_host,
        "loaded": loaded,
    }


def running_document(model: RunningModel) -> Document:
    """A loaded model; ``expires_at`` null means until it is unloaded."""
    return {
        "name": model.name,
        "digest": model.digest or None,
        "size_bytes": model.size_bytes,
        "size_vram_bytes": model.size_vram_bytes,
        "context_length": model.context_length,
        "expires_at": _time(model.expires_at),
        "family": model.family or None,
        "quantization": model.quantization or None,
    }


def kept_documents(kept: tuple[tuple[str, str], ...]) -> list[Document]:
    """Models that could not be unloaded."""
    return [{"name": name, "reason": reason} for name, reason in kept]


def require_yes(args: argparse.Namespace, call: Call, question: str, refusal: str) -> None:
    """Go on only after a yes: ``--yes``, or an answer at the terminal.

    Raises:
        Problem: the answer was no, or nobody could be asked (``refusal`` says what is at stake).
    """
    if args.yes:
        return
    if call.as_json or not sys.stdin.isatty():
        raise Problem(refusal, tr("Add --yes to do it without being asked."), "needs_yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Problem(tr("Nothing was changed."), code="declined")


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")
