"""The relay that counts every client's tokens: what Settings and the tray say of it."""

from dataclasses import dataclass

from wattlight.i18n import number, tr

from .scene import Scene

PORTS = range(1024, 65536)


@dataclass(frozen=True, slots=True)
class CountingView:
    """The switch, and how to point clients at the relay. ``stand`` says how it is going."""

    on: bool
    port: str
    about: str
    ways: tuple[tuple[str, str], ...]
    stand: str


def counting_view(scene: Scene) -> CountingView:
    """For the settings and the state."""
    settings, counting = scene.settings, scene.state.counting
    port = counting.port if counting.on else settings.passthrough_port
    url = f"http://127.0.0.1:{port}"
    ways = (
        (tr("Ollama's own programs"), f"OLLAMA_HOST=127.0.0.1:{port}"),
        (tr("OpenAI clients"), f"{url}/v1"),
        (tr("Others"), url),
    )
    return CountingView(
        settings.passthrough_on,
        str(settings.passthrough_port),
        tr(
            "Programs that use this address instead of Ollama's have their tokens counted; what is asked and "
            "answered is passed on untouched and not kept. It listens on this computer only."
        ),
        ways if settings.passthrough_on else (),
        _stand(scene),
    )


def counting_line(scene: Scene) -> str:
    """ "Counting tokens at 127.0.0.1:11435" while the relay is on, else ""."""
    counting = scene.state.counting
    return tr("Counting tokens at 127.0.0.1:{port}", port=counting.port) if counting.on else ""


def understood_port(text: str) -> tuple[int | None, str]:
    """The port that was typed, or a sentence what is wrong with it."""
    typed = text.strip()
    if typed.isascii() and typed.isdigit() and len(typed) <= 5 and int(typed) in PORTS:
        return int(typed), ""
    return None, tr("Type a port between 1024 and 65535, like 11435.")


def _stand(scene: Scene) -> str:
    counting = scene.state.counting
    if not scene.settings.passthrough_on:
        return ""
    if not counting.on:
        return tr("It is not listening yet.")
    text = tr(
        "{requests} requests, {tokens} output tokens since it was turned on.",
        requests=number(counting.requests),
        tokens=number(counting.output_tokens),
    )
    if counting.uncounted:
        more = tr("{n} requests came without counts.", n=number(counting.uncounted))
        text = f"{text} {more}"
    return text
