"""Ready lines for the programs people connect; each ran with its real package (``tests/slow``)."""

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from wattlight.domain.servers import ServerKind
from wattlight.domain.state import AppState, HostState, InstalledModel, ServerState, same_model
from wattlight.domain.values import Problem, clean_text
from wattlight.i18n import tr
from wattlight.paths import asset_text

EMBEDDING = "nomic-embed-text"
"""Named where no model that turns text into vectors is installed."""
USUAL_CONTEXT = 4096
_NO_KEY = "none"
YOUR_KEY = "YOUR_KEY"


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines for one program."""

    key: str
    title: str
    file: str
    packages: str = ""

    @property
    def lines(self) -> str:
        """With names of :func:`filled` where values belong."""
        return asset_text(f"connect/{self.file}.txt")

    @property
    def ollama(self) -> bool:
        """It speaks Ollama's own protocol."""
        return "__URL__" in self.lines

    @property
    def embedding(self) -> bool:
        """It needs a model that turns text into vectors too."""
        return "__EMBEDDING__" in self.lines

    @property
    def install(self) -> str:
        """What installs its packages, "" where it needs none."""
        return f"pip install {' '.join(shlex.quote(name) for name in self.packages.split())}"


@dataclass(frozen=True, slots=True)
class Target:
    """What is connected to. ``context`` in tokens; ``counted``: through the relay, which counts tokens.

    ``embedding_there``: the model for vectors is installed. ``ollama``: Ollama's clients can use it.
    ``keyed``: the server wants a key, which is the person's to put in.
    """

    url: str
    model: str
    embedding: str = EMBEDDING
    context: int = USUAL_CONTEXT
    ollama: bool = True
    counted: bool = False
    embedding_there: bool = False
    keyed: bool = False

    @property
    def key(self) -> str:
        """What stands where a client wants a key."""
        return YOUR_KEY if self.keyed else _NO_KEY


def snippets(target: Target) -> tuple[Snippet, ...]:
    """The programs that can use this server, in the order they are shown."""
    ours = (
        Snippet("curl", tr("curl in a terminal"), "curl.sh"),
        Snippet("openai", tr("OpenAI's client for Python"), "openai.py", "openai>=1"),
        Snippet("ollama", tr("Ollama's client for Python"), "ollama.py", "ollama>=0.5"),
        Snippet("llm", tr("llm in a terminal"), "llm.sh", "llm llm-ollama>=0.19"),
        Snippet("langchain", "LangChain", "langchain.py", "langchain-ollama>=1"),
        Snippet("langchain-openai", "LangChain (OpenAI)", "langchain-openai.py", "langchain-openai>=1"),
        Snippet("llamaindex", "LlamaIndex", "llamaindex.py", "llama-index-llms-ollama"),
        Snippet(
            "llamaindex-openai", "LlamaIndex (OpenAI)", "llamaindex-openai.py", "llama-index-llms-openai-like"
        ),
        Snippet("chroma", tr("Answers from your notes, with Chroma"), "chroma.py", "chromadb ollama"),
        Snippet(
            "milvus", tr("Answers from your notes, with Milvus"), "milvus.py", "pymilvus milvus-lite ollama"
        ),
        Snippet("litellm", tr("This computer first, then a cloud"), "litellm.yaml", "litellm[proxy]"),
        Snippet("continue", tr("Continue, in VS Code and JetBrains"), "continue.yaml"),
        Snippet("mcp", tr("Wattlight's figures for an assistant"), "mcp.json", "mcp>=2"),
    )
    return tuple(snippet for snippet in ours if target.ollama or not snippet.ollama)


def snippet_named(key: str, target: Target) -> Snippet:
    """Raises:
    Problem: there is none of that name for this server.
    """
    found = snippets(target)
    for snippet in found:
        if snippet.key == key.lower():
            return snippet
    raise Problem(
        tr('There are no lines for "{name}" here.', name=clean_text(key, 40)),
        tr("Choose one of {names}.", names=", ".join(snippet.key for snippet in found)),
        "bad_input",
    )


def filled(snippet: Snippet, target: Target) -> str:
    """The lines with this server and model in them, quoted as the language wants it."""
    quote = shlex.quote if snippet.file.endswith(".sh") else _in_quotes
    model, url, v1 = clean_text(target.model, 200), target.url.rstrip("/"), f"{target.url.rstrip('/')}/v1"
    provider = "ollama_chat" if target.ollama else "openai"  # LiteLLM's names
    question = [{"role": "user", "content": "Why is the sky blue?"}]
    body = json.dumps({"model": model, "messages": question, "max_tokens": 200}, ensure_ascii=False)
    values = {
        "__URL__": quote(url),
        "__V1__": quote(v1),
        "__MODEL__": quote(model),
        "__LLM_MODEL__": quote(f"ollama/{model}"),
        "__EMBEDDING__": quote(clean_text(target.embedding, 200)),
        "__CONTEXT__": str(target.context),
        "__KEY__": quote(target.key),
        "__AUTH__": quote(f"Authorization: Bearer {target.key}"),
        "__BODY__": quote(body),
        "__PROVIDER__": provider,
        "__LITELLM_MODEL__": quote(f"{provider}/{model}"),
        "__LITELLM_BASE__": quote(url if target.ollama else v1),
    }
    parts = snippet.lines.split("__")  # a value is never looked through for names again
    return "".join(
        values.get(f"__{part}__", f"__{part}__") if index % 2 else part for index, part in enumerate(parts)
    )


def _in_quotes(text: str) -> str:
    """A text in quotes that Python, YAML and JSON read alike."""
    return json.dumps(text, ensure_ascii=False)


def target_of(
    state: AppState, alias: str = "", model: str = "", at: HostState | None = None, keyed: bool = False
) -> Target:
    """What programs connect to: the model that is asked for, loaded, or installed first, on this computer or
    ``at`` another.

    ``alias`` is the name that follows the model in use here, "" where none does.
    """
    if at is not None and at is not state.local:
        return target_at(at.server.url, at.server, model, keyed=keyed)
    server, counting = state.local.server, state.counting
    url = counting.url if counting.on else server.url
    return target_at(url, server, model or alias, counting.on, keyed)


def target_at(
    url: str, server: ServerState, model: str = "", counted: bool = False, keyed: bool = False
) -> Target:
    names = [m.name for m in server.running if not _embeds(m.name, m.family)]
    chosen = model or next(iter((*names, *installed_names(server.installed))), "")
    embedding = next((m.name for m in server.installed if _embeds(m.name, m.family)), "")
    return Target(
        url,
        chosen,
        embedding or EMBEDDING,
        _context(chosen, server),
        ollama=server.kind is ServerKind.OLLAMA and not keyed,
        counted=counted,
        embedding_there=bool(embedding),
        keyed=keyed,
    )


def _context(model: str, server: ServerState) -> int:
    loaded = (m.context_length for m in server.running if same_model(m.name, model))
    return next((context for context in loaded if context), USUAL_CONTEXT)


def _embeds(name: str, family: str) -> bool:
    """As far as its name and family tell."""
    return "embed" in name.lower() or "bert" in family.lower()


def installed_names(models: Iterable[InstalledModel]) -> tuple[str, ...]:
    """Models that answer, for a choice."""
    return tuple(model.name for model in models if not _embeds(model.name, model.family))
