"""``wattlight connect``: ready lines for the programs people connect to their models."""

import argparse
from dataclasses import replace

from wattlight.domain.state import ServerState, ServerStatus
from wattlight.domain.values import Problem
from wattlight.i18n import tr
from wattlight.services.connecting import (
    YOUR_KEY,
    Snippet,
    Target,
    filled,
    snippet_named,
    snippets,
    target_at,
)

from .options import add_host_option
from .output import Call, Document


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="WHAT", nargs="?", help="the program; without it: which there are")
    parser.add_argument("--model", metavar="MODEL", help="the model (default: the loaded one)")
    add_host_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    if args.what:
        snippet_named(
            args.what, Target("", "")
        )  # a name that no program has is said before a server is asked
    target = _target(args, call)
    chosen = [snippet_named(args.what, target)] if args.what else list(snippets(target))
    if call.as_json:
        call.out.document(
            {
                "url": target.url,
                "model": target.model,
                "embedding_model": target.embedding,
                "context": target.context,
                "snippets": [_document(snippet, target) for snippet in chosen],
            }
        )
    elif call.out.quiet and not args.what:
        call.out.lines(snippet.key for snippet in chosen)
    elif args.what:
        call.out.write(filled(chosen[0], target))
        _remarks(chosen[0], target, call)
    else:
        call.out.table([(tr("NAME"), tr("FOR")), *((s.key, s.title) for s in chosen)], set())
        call.out.line()
        call.out.line(tr("'wattlight connect NAME' prints the lines."))


def _target(args: argparse.Namespace, call: Call) -> Target:
    """Raises:
    Problem: no model is named, and the server has none.
    """
    server = call.workshop.server(args.host)
    try:
        state = ServerState(server.url, ServerStatus.READY, None, server.installed(), server.running())
    except Problem:
        if args.model is None and args.what:
            raise
        state = ServerState(server.url, ServerStatus.ABSENT)
    state = replace(state, kind=server.kind)
    keyed = server.wire.authorization is not None
    target = target_at(server.url, state, args.model or "", keyed=keyed)
    if args.what and not target.model:
        raise Problem(
            tr("No model is installed on {url}.", url=server.url),
            tr("Name one with --model, or see 'wattlight recommend'."),
            "unknown_model",
        )
    return target


def _document(snippet: Snippet, target: Target) -> Document:
    return {
        "name": snippet.key,
        "title": snippet.title,
        "install": snippet.install if snippet.packages else None,
        "text": filled(snippet, target) if target.model else None,
    }


def _remarks(snippet: Snippet, target: Target, call: Call) -> None:
    """What must be there first, as comments would break JSON and YAML: to the terminal alone."""
    if snippet.packages:
        call.out.aside(tr("Needs: {command}", command=snippet.install))
    if snippet.embedding and not target.embedding_there:
        call.out.aside(tr("Needs: wattlight pull {model}", model=target.embedding))
    if target.keyed:
        call.out.aside(tr("Put the server's key in the place of {word}.", word=YOUR_KEY))
