"""What the server's own words mean: a table for each kind of request, the most particular words first.

The sentences are those of Ollama's ``server`` and of the registries it pulls from.
"""

import re
from enum import StrEnum

from wattlight.domain.values import clean_text
from wattlight.i18n import marked, tr

from .engine_words import (
    BUSY,
    DISK,
    FORBIDDEN,
    LOAD,
    NAME,
    NO_ROOM,
    OPEN_FILES,
    OUT_OF_MEMORY,
    SIGN_IN,
    UNKNOWN,
    Meaning,
)
from .problems import RuntimeProblem

SERVER_TEXT_LIMIT = 600
"""So many characters of the server's own text are shown."""


class Asked(StrEnum):
    """What the server was asked for: the same words mean another thing in each."""

    LOAD = "load"
    PULL = "pull"
    LIST = "list"
    REMOVE = "remove"


_HTTPS: Meaning = (
    r"http request (was sent )?to (an )?https (server|port)",
    "wants_https",
    marked("The server at that address speaks https only."),
    marked("Write the address with https:// in front."),
)
_PULL: tuple[Meaning, ...] = (
    NAME,
    NO_ROOM,
    (
        r"file too large|maximum file size",
        "file_too_large",
        marked("The file system of the server's disk cannot hold a file as large as {model}."),
        marked("Put the folder of models (OLLAMA_MODELS) on a disk with NTFS, APFS, ext4 or exFAT."),
    ),
    (
        r"digest mismatch|must be downloaded again",
        "digest_mismatch",
        marked("What arrived for {model} is damaged, so it was not installed."),
        marked("Pull it again; if that fails too, try another network."),
    ),
    (
        r"connect: (permission denied|operation not permitted)|forbidden by its access permissions",
        "registry_unreachable",
        marked("A firewall on the server's computer keeps it from reaching the registry to fetch {model}."),
        marked("Allow Ollama to reach the network there and try again."),
    ),
    (
        r"\b407\b|proxy authentication required",
        "registry_unreachable",
        marked("The server's proxy asks for a sign-in, so {model} cannot be fetched."),
        marked("Write name and password of the proxy into HTTPS_PROXY of the server and start it again."),
    ),
    (
        r"proxyconnect|socks connect",
        "registry_unreachable",
        marked("The server cannot reach the proxy it is set to, so {model} cannot be fetched."),
        marked("Correct HTTPS_PROXY in the server's environment and start it again."),
    ),
    (
        r"invalid character '<'|network authentication required|\b511\b|: <(!doctype|html)",
        "page_answered",
        marked(
            "A proxy or the sign-in page of a network answered instead of the registry, so {model} was not "
            "fetched."
        ),
        marked("Sign in to the network on the server's computer, or set its HTTPS_PROXY, and try again."),
    ),
    (
        r"invalid character|unexpected end of json|cannot unmarshal",
        "page_answered",
        marked("What answered is not the registry, so {model} was not fetched."),
        marked(
            "Check the address in the name, and whether a proxy stands between the server and the registry."
        ),
    ),
    (
        r"server gave http response to https client|insecure protocol",
        "registry_unreachable",
        marked("The registry of {model} does not speak https, and Ollama fetches nothing unencrypted."),
        marked("Check the address in the name; only a registry on this computer may do without."),
    ),
    (
        r"x509|certificate|tls: |tls handshake",
        "registry_unreachable",
        marked("The server does not trust what answers for the registry, so {model} cannot be fetched."),
        marked(
            "Set the clock of the server's computer; behind a proxy that opens connections, add its "
            "certificate "
            "there."
        ),
    ),
    (
        r"sharded|split gguf|multiple (gguf )?(parts|shards)",
        "split_file",
        marked("{model} is split in parts, which Ollama cannot pull."),
        marked("Take another quantization of it, one that is a single file."),
    ),
    (
        r"quantization scheme|specified tag|tag is not (valid|available)|no such quantization",
        "no_such_quantization",
        marked("There is no such quantization of {model} there."),
        marked("Take one of those its page lists, or leave out the part after the colon."),
    ),
    (
        r"not gguf|no gguf|compatible with llama\.?cpp|not a gguf|gguf files? (is|are|was|were)? ?not found",
        "no_model_file",
        marked("There is no file of {model} that Ollama can run."),
        marked("Look for a repository of it that holds GGUF files."),
    ),
    (
        r"requires mlx support|mlx runtime",
        "mlx_only",
        marked("{model} is a build for MLX, which runs on Apple silicon only."),
        marked("Pull a build of it in GGUF form."),
    ),
    (
        r"requires a newer version of ollama|\b412\b",
        "needs_newer_server",
        marked("{model} needs a newer Ollama than this one."),
        marked("Update Ollama and try again."),
    ),
    (
        r"used by another process|sharing violation",
        "file_in_use",
        marked("Another program holds a file of {model} on the server's disk open."),
        marked("Pull it again; if it comes back, leave the folder of models out of virus scans."),
    ),
    (
        r"^(?!.*dial tcp).*(permission denied|read-only file system|access is denied|operation not permitted|"
        r"path elements are traversable)|^(mkdir|chtimes|rename) ",
        "not_writable",
        marked("The server may not write into its folder of models."),
        marked("Give that folder (OLLAMA_MODELS) to the user the server runs as, or let it use another."),
    ),
    DISK,
    OPEN_FILES,
    (
        r"\b401\b|\b403\b|unauthorized|access denied|realm host|gated|restricted|forbidden",
        "registry_denied",
        marked("The registry does not allow {model} to be fetched."),
        marked(
            "Check the name; a private or gated model needs 'ollama signin' or a key of the server there."
        ),
    ),
    (
        r"\b451\b|legal reasons",
        "registry_denied",
        marked("The registry may not hand out {model}, for legal reasons."),
        marked("Choose another model."),
    ),
    (
        r"\b429\b|too many requests|rate limit",
        "registry_limit",
        marked("The registry answers no more requests for now."),
        marked("Wait some minutes and try again."),
    ),
    (
        r"no location header|maximum redirects|unexpected status code|digest is empty|\b5\d\d\b:|\b5\d\d\b$",
        "registry_fault",
        marked("The registry has a fault of its own."),
        marked("Try again later."),
    ),
    (
        r"no such host|server misbehaving|name resolution",
        "registry_unreachable",
        marked("The server cannot find the address of the registry to fetch {model}."),
        marked("Check the network connection of the computer the server runs on, and the name."),
    ),
    (
        r"file does not exist|not found|manifest unknown|\b404\b|\b410\b",
        *UNKNOWN[1:],
    ),
    (
        r"connection refused|dial tcp|i/o timeout|unreachable|connection reset|max retries exceeded|"
        r"no route to host|context deadline exceeded|client\.timeout|part stalled|\beof\b|stream error|"
        r"broken pipe|http2|forcibly closed|use of closed network",
        "registry_unreachable",
        marked("The server cannot reach the registry to fetch {model}."),
        marked("Check the network connection of the computer the server runs on and try again."),
    ),
    BUSY,
)

_LIST: tuple[Meaning, ...] = (
    _HTTPS,
    SIGN_IN,
    FORBIDDEN,
    BUSY,
    (
        r"\b429\b|too many requests",
        "server_busy",
        marked("The server answers no more requests for now."),
        marked("Try again in a moment."),
    ),
    (
        r"permission denied|access is denied|operation not permitted|path elements are traversable",
        "not_readable",
        marked("The server may not read its folder of models."),
        marked("Give that folder (OLLAMA_MODELS) to the user the server runs as."),
    ),
    (
        r"no such file|cannot find the (file|path)|not a directory",
        "no_folder",
        marked("The server's folder of models is not there."),
        marked("Check OLLAMA_MODELS in the server's environment and whether its disk is mounted."),
    ),
    DISK,
    OPEN_FILES,
    OUT_OF_MEMORY,
    (
        r"invalid character|unexpected (eof|end of)|cannot unmarshal|invalid (gguf|magic|file magic)|corrupt",
        "damaged_model",
        marked(
            "A small file of a model on the server's disk is damaged, so that the server cannot list "
            "its models."
        ),
        marked("Its log names the file; delete it there and pull that model again."),
    ),
)

_REMOVE: tuple[Meaning, ...] = (
    NAME,
    UNKNOWN,
    (
        r"permission denied|read-only file system|access is denied|operation not permitted",
        "not_writable",
        marked("The server may not delete files in its folder of models."),
        marked("Give that folder (OLLAMA_MODELS) to the user the server runs as."),
    ),
    (
        r"used by another process|sharing violation",
        "file_in_use",
        marked("Another program holds a file of {model} on the server's disk open."),
        marked("Unload the model and try again."),
    ),
    (
        r"invalid character|unexpected (eof|end of)|cannot unmarshal|corrupt|invalid (digest|magic|gguf)",
        "damaged_model",
        marked("A small file of {model} on the server's disk is damaged, so the server cannot delete it."),
        marked("Pull it with 'wattlight pull NAME --repair', which makes it whole; then it can be deleted."),
    ),
    DISK,
    OPEN_FILES,
    SIGN_IN,
    FORBIDDEN,
)

_TABLES = {Asked.LOAD: LOAD, Asked.PULL: _PULL, Asked.LIST: _LIST, Asked.REMOVE: _REMOVE}


def problem_from_server(text: str, model: str = "", asked: Asked = Asked.LOAD) -> RuntimeProblem:
    """What an error text of the server means; the text itself is quoted, cleaned, word for word."""
    quoted = clean_text(" ".join(text.split()), SERVER_TEXT_LIMIT)
    code, sentence = "server_error", marked("The server could not do this.")
    next_step = marked("Its log has the reason.")
    for pattern, *meaning in _TABLES[asked]:
        if re.search(pattern, text[:4000], re.IGNORECASE):
            code, sentence, next_step = meaning
            break
    shown = clean_text(model, 120) or tr("the model")
    sentence = tr(sentence, model=shown)
    sentence = sentence[:1].upper() + sentence[1:] if not model else sentence
    message = tr('{sentence} The server said: "{words}".', sentence=sentence, words=quoted)
    step = tr(next_step, model=shown)
    step = step.replace("NAME", shown) if model else step
    return RuntimeProblem(message if quoted else sentence, step, code, quoted or None)
