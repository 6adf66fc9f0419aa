"""The card Figures for other programs of the page Settings."""

from dataclasses import dataclass, replace

from wattlight.domain.values import Problem, clean_sentence
from wattlight.i18n import tr
from wattlight.services.publishing import read_broker
from wattlight.settings import PublishSettings

from .scene import Scene

USUAL_PORT = 9188


@dataclass(frozen=True, slots=True)
class PublishView:
    """What the card shows; the two ``said`` are how the page and the broker stand."""

    about: str
    page_on: bool
    port: str
    page_said: str
    page_is_bad: bool
    broker: str
    user: str
    wants_secret: bool
    in_file: bool
    broker_said: str
    broker_is_bad: bool


def publish_view(scene: Scene) -> PublishView:
    wanted, page, home = scene.settings.publish, scene.state.prometheus, scene.state.home_assistant
    return PublishView(
        tr(
            "Watts, energy, cost and the names of loaded models. Prometheus fetches them on this "
            "computer, where other accounts can read them too; Home Assistant is sent them "
            "through the MQTT broker you name, and shows them by itself."
        ),
        wanted.prometheus_port > 0,
        str(wanted.prometheus_port or USUAL_PORT),
        clean_sentence(page.said, 300),
        page.bad,
        wanted.broker,
        wanted.user,
        bool(wanted.broker and wanted.user),
        home.no_keyring,
        clean_sentence(home.said, 400),
        home.bad,
    )


def understood_page(on: bool, port: str, publish: PublishSettings) -> tuple[PublishSettings, str]:
    """The settings with the page on or off, or a sentence what is wrong with the port."""
    if not on:
        return replace(publish, prometheus_port=0), ""
    typed = port.strip()
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= 5 and 1024 <= int(typed) <= 65535):
        return publish, tr("Type the port as a number from 1024 to 65535.")
    return replace(publish, prometheus_port=int(typed)), ""


def understood_broker(broker: str, user: str, publish: PublishSettings) -> tuple[PublishSettings, str]:
    """The settings with this broker, or a sentence what is wrong with its address."""
    if broker.strip():
        try:
            read_broker(broker)
        except Problem as problem:
            return publish, str(problem)
    return replace(publish, broker=broker.strip(), user=user.strip() if broker.strip() else ""), ""
