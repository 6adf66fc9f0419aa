"""``wattlight mcp``: what fits, runs and costs, for programs that speak the Model Context Protocol.

Read-only, over standard input and output. Each tool is a verb and answers with that verb's JSON.
"""

import argparse
import io
import json
import sys
from typing import TYPE_CHECKING, Any, Literal

from wattlight import __version__
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.services.factory import ServiceFactory
from wattlight.system import not_installed

from .main import run as run_verb
from .output import Call

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

Answer = dict[str, Any]
_USES = Literal["chat", "code", "vision", "embedding", "reasoning", "agents"]
_ABOUT = (
    "Facts about this computer and its local language models: what fits its memory, what is installed and "
    "loaded, what it draws and what that costs. A missing value (null) is unknown, not zero; quality, error "
    "and confidence say how sure a figure is: pass them on. Nothing can be changed from here."
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = tr(
        'The program that asks starts it itself: give it the command "wattlight" with the argument "mcp".'
    )


def run(_args: argparse.Namespace, call: Call) -> None:
    """Serve until standard input ends.

    Raises:
        Problem: ``not_installed``, or ``wrong_use`` where a person typed it at a terminal.
    """
    server = mcp_server(call.workshop)
    if sys.stdin.isatty():
        raise Problem(
            tr("This is for programs, not for a terminal: they start it and speak to it."),
            tr('Name the command "wattlight" and the argument "mcp" in their settings.'),
            "wrong_use",
        )
    server.run()


def mcp_server(workshop: ServiceFactory) -> "MCPServer":
    """The server with its tools.

    Raises:
        Problem: code ``not_installed``.
    """
    try:
        from mcp.server.mcpserver import MCPServer
        from mcp.server.mcpserver.exceptions import ToolError
        from mcp_types import ToolAnnotations
    except ImportError as error:
        raise not_installed("mcp>=2") from error
    server = MCPServer("Wattlight", instructions=_ABOUT, version=__version__, log_level="ERROR")
    reads = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    asks = reads.model_copy(update={"open_world_hint": True})  # a name that is not listed: its registry

    def ask(verb: str, *words: str, model: str = "") -> Answer:
        try:
            return answer_of(workshop, verb, *((name_of(model),) if model else ()), *words)
        except Problem as problem:
            raise ToolError(str(problem)) from None

    @server.tool(annotations=reads)
    def hardware() -> Answer:
        """Accelerators, memory and sensors of this computer."""
        return ask("hardware")

    @server.tool(annotations=reads)
    def what_fits(use: _USES = "chat", context: int = 8192, limit: int = 8) -> Answer:
        """Models that fit this computer, best first, with memory, speed and how sure each figure is.

        ``context`` is in tokens.
        """
        return ask("recommend", f"--use={use}", f"--context={context}", f"--limit={limit}")

    @server.tool(annotations=asks)
    def fit(model: str, context: int | None = None) -> Answer:
        """What one model (like "qwen3:8b") takes in memory here, and whether it fits.

        ``context`` is in tokens; without it, what the server here would use.
        """
        return ask("fit", *([] if context is None else [f"--context={context}"]), model=model or "-")

    @server.tool(annotations=reads)
    def installed_models() -> Answer:
        """Models on the disk of the server."""
        return ask("models")

    @server.tool(annotations=reads)
    def loaded_models() -> Answer:
        """Models that are in memory now."""
        return ask("ps")

    @server.tool(annotations=reads)
    def power() -> Answer:
        """What the computer draws now in watts, part by part, and what is not measured."""
        return ask("power")

    @server.tool(annotations=reads)
    def cost(
        first_day: str = "today", last_day: str = "today", by: Literal["model", "device", "day"] = "model"
    ) -> Answer:
        """Energy and money that were metered from the first to the last day ("2026-11-01", "today")."""
        return ask("cost", f"--from={first_day}", f"--to={last_day}", f"--by={by}")

    return server


def answer_of(workshop: ServiceFactory, *words: str) -> Answer:
    """The JSON document of a verb.

    Raises:
        Problem: what the verb says went wrong.
    """
    out = io.StringIO()
    run_verb([*words, "--json", "--quiet"], workshop, out)
    document: Answer = json.loads(out.getvalue())
    error = document.get("error")
    if error:
        raise Problem(error["message"], error["next"], error["code"])
    return document


def name_of(model: str) -> str:
    """``model``, if it is a name to be asked about here: no option, no file, no registry that is contacted.

    Raises:
        Problem: it is another thing.
    """
    from wattlight.catalog.registry import read_address

    name = clean_text(model, 200).strip()
    usual = read_address("a").host
    file = name.lower().endswith(".gguf")
    if file or name.startswith("-") or read_address(name).host != usual:
        raise Problem(
            tr('"{name}" is a file, of another registry, or no name of a model.', name=clean_text(name, 80)),
            tr("A person can ask in a terminal: wattlight fit {name}", name=clean_text(name, 80)),
            "invalid_name",
        )
    return name
