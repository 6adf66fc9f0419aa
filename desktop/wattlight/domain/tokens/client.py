"""Which program asked: its user agent, shortened to a name."""

import re

from wattlight.domain.values import clean_text

UNKNOWN_CLIENT = "unknown program"
_TOKEN = re.compile(r"([A-Za-z][A-Za-z0-9._+-]{0,39})(/[^\s()]*)?")
_BROWSER_TOKENS = frozenset(
    {"mozilla", "applewebkit", "chrome", "safari", "version", "mobile", "gecko", "electron", "khtml", "like"}
)
_BROWSERS = frozenset({"firefox", "edg", "opr", "chromium"})


def client_name(user_agent: str | None) -> str:
    """ "ollama-python/0.5.1 (x86_64 linux)" -> "ollama-python".

    A desktop program built on a browser engine names itself among the browser's words and is found there;
    a plain browser is "web browser". The version is left out, so that an update is not a new client.
    """
    text = (user_agent or "").strip()[:400]
    plain = re.sub(r"\([^)]*\)", " ", text)
    names = [match.group(1) for word in plain.split() if (match := _TOKEN.fullmatch(word))]
    if not names:
        cleaned = clean_text(text, 40)
        return cleaned or UNKNOWN_CLIENT
    if names[0].lower() != "mozilla":
        return names[0]
    own = [name for name in names if name.lower() not in _BROWSER_TOKENS | _BROWSERS]
    return own[0] if own else "web browser"
