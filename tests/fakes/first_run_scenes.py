"""The first run at every page and in every state: what its tests and pictures are drawn from."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from fakes import made_up_day
from wattlight.domain.pulls import PullState
from wattlight.domain.state import (
    AnswerState,
    EnergyAccess,
    HostContact,
    InstalledModel,
    InstallState,
    ServerStatus,
    ServerWays,
    SetupFacts,
)
from wattlight.domain.values import unknown
from wattlight.services.answers import CPU_ONLY, FULL_GPU, FitNote, Offer
from wattlight.services.pricing import CountryPrice
from wattlight.settings import FirstRun, Price, Settings
from wattlight.viewmodels.scene import Scene

CLOSED = EnergyAccess(closed=True, user="anna", by_click=True)
GB = 10**9
GIB = 1 << 30
SERVICE = ("sudo systemctl start ollama", "sudo systemctl enable ollama", "systemctl status ollama")
INSTALLABLE = ServerWays(
    version="0.33.0",
    download_bytes=1_400_000_000,
    disk_bytes=4_900_000_000,
    kept_bytes=3_500_000_000,
    disk_is_exact=False,
)
BY_INSTALLER = ServerWays(
    version="0.33.0",
    download_bytes=1_600_000_000,
    disk_bytes=1_600_000_000,
    download_is_exact=False,
    disk_is_exact=False,
    by_installer=True,
)
COUNTRIES = (
    CountryPrice("AT", "Austria", "EUR", Decimal("0.3272"), 2025, "Eurostat nrg_pc_204, all taxes", False),
    CountryPrice("DE", "Germany", "EUR", Decimal("0.3869"), 2025, "Eurostat nrg_pc_204, all taxes", False),
    CountryPrice("GB", "United Kingdom", "GBP", None, 2025, "", False),
)


def offer(
    model: str, size_gb: float, low: float, high: float, spare: float, verdict: str = FULL_GPU
) -> Offer:
    """A model that could be installed."""
    note = FitNote(
        model, verdict, 36, 36, round(size_gb * GB), round(1.2 * GIB), spare_bytes=round(spare * GIB),
        tokens_low=low, tokens_high=high,
    )  # fmt: skip
    why = f"{model} is of its maker's newest generation: it lies wholly on the card."
    return Offer(model, note, round(size_gb * GB), "Q4_K_M", why=why)


OFFERS = (
    offer("qwen3.6:27b", 17.4, 31, 42, 4.2),
    offer("gpt-oss:20b", 13.8, 118, 150, 8.1),
    offer("qwen3:8b", 5.2, 95, 120, 16.6),
    offer("gemma3:4b", 3.3, 150, 190, 19.0),
    offer("llama3.2:3b", 2.0, 190, 240, 20.5),
)


def scene(step: str, **settings: object) -> Scene:
    """A computer on which nothing was done yet, at a page."""
    base = made_up_day.evening()
    host = base.state.hosts[0]
    server = replace(host.server, status=ServerStatus.READY, version="0.33.0", installed=(), running=())
    state = replace(
        base.state,
        hosts=(replace(host, server=server, today=None, month=None),),
        pulls=(),
        tasks=(),
        notices=(),
    )
    extras = replace(
        base.extras,
        fits=(),
        offers=OFFERS,
        countries=COUNTRIES,
        disk_free_bytes=812 * GB,
        autostart_supported=True,
        catalog_date="Nov 14, 2026",
    )
    return Scene(
        state,
        replace(Settings(), first_run=FirstRun(step), **settings),  # type: ignore[arg-type]
        base.now,
        extras,
        zone=base.zone,
        setup=SetupFacts(country="DE", ways=ServerWays()),
    )


def with_server(made: Scene, status: ServerStatus, message: str | None = None) -> Scene:
    """The same with another server."""
    host = made.state.hosts[0]
    server = replace(host.server, status=status, version=None, message=message)
    return replace(made, state=replace(made.state, hosts=(replace(host, server=server),)))


def with_facts(made: Scene, **facts: object) -> Scene:
    """The same with other facts."""
    return replace(made, setup=replace(made.setup, **facts))  # type: ignore[arg-type]


def with_models(made: Scene, *names: str) -> Scene:
    """The same with models on the disk."""
    host = made.state.hosts[0]
    models = tuple(InstalledModel(n, "d" * 64, 2 * GB, "llama", "3.2B", "Q4_K_M") for n in names)
    server = replace(host.server, installed=models)
    return replace(made, state=replace(made.state, hosts=(replace(host, server=server),)))


def with_pull(made: Scene, *pulls: PullState) -> Scene:
    """The same with downloads."""
    return replace(made, state=replace(made.state, pulls=pulls))


def chosen(made: Scene, model: str, better: str | None = None) -> Scene:
    """The same with a chosen model."""
    run = replace(made.settings.first_run, model=model, better=better)
    return replace(made, settings=replace(made.settings, first_run=run))


def absent(**facts: object) -> Scene:
    """No server."""
    return with_facts(with_server(scene("server"), ServerStatus.ABSENT), **facts)


def no_card() -> Scene:
    """A laptop without a card and without a sensor, German price declined."""
    made = scene("machine")
    host = made.state.hosts[0]
    assert host.profile is not None
    assert host.sample is not None
    reason = "The processor's energy counter can only be read by an administrator."
    cpu = replace(host.sample.devices[1], power=unknown(reason), counter_mj=None)
    offers = (offer("llama3.2:3b", 2.0, 6, 9, 9.0, CPU_ONLY), offer("gemma3:1b", 0.8, 18, 26, 11.0, CPU_ONLY))
    state = replace(
        made.state,
        hosts=(
            replace(
                host, profile=replace(host.profile, devices=()), sample=replace(host.sample, devices=(cpu,))
            ),
        ),
    )
    return replace(made, state=state, extras=replace(made.extras, offers=offers))


ANSWER = (
    "A kilowatt-hour is the energy that a device of one kilowatt uses in one hour. It is the unit in which "
    "electricity is billed. A graphics card that draws 330 watts for three hours uses about one of them."
)
ANSWERED = AnswerState(
    "llama3.2:3b", "Explain it", ANSWER, running=False, seconds=6.4, output_tokens=128, tokens_per_s=212.0,
    joules=1930.0, joules_error=0.05,
)  # fmt: skip


def closed_counter() -> Scene:
    """The same, and the counter could be opened by a click."""
    return replace(made := no_card(), state=replace(made.state, energy_access=CLOSED))


SCENES: dict[str, Callable[[], Scene]] = {
    "machine": lambda: scene("machine"),
    "machine-no-card": no_card,
    "machine-closed-counter": closed_counter,
    "server-ready": lambda: scene("server"),
    "server-looking": lambda: with_facts(with_server(scene("server"), ServerStatus.UNKNOWN), ways=None),
    "server-startable": lambda: absent(ways=ServerWays("/usr/local/bin/ollama")),
    "server-service": lambda: absent(ways=ServerWays("/usr/local/bin/ollama", SERVICE)),
    "server-installable": lambda: absent(ways=INSTALLABLE),
    "server-installer": lambda: absent(ways=BY_INSTALLER),
    "server-installer-open": lambda: absent(ways=BY_INSTALLER, setup=InstallState("0.33.0", "opened")),
    "server-nothing": lambda: absent(ways=ServerWays(why_not="No Ollama is listed for this computer.")),
    "server-installing": lambda: absent(
        ways=INSTALLABLE, setup=InstallState("0.33.0", "fetching", 700_000_000, 1_400_000_000, 11e6)
    ),
    "server-failed": lambda: absent(
        ways=ServerWays("/usr/local/bin/ollama"),
        server_error="The managed Ollama ended while it started. Its log is /home/you/ollama.log.",
        server_log=tuple(f"time=2026-11-23T22:04:{n:02d} level=INFO msg=starting" for n in range(20)),
    ),
    "price": lambda: scene("price"),
    "price-own": lambda: scene("price", price=Price("0.2950", "EUR", country="DE")),
    "model": lambda: scene("model"),
    "model-timed": lambda: with_facts(scene("model"), line_bytes_per_s=6_000_000.0),
    "model-installed": lambda: with_models(scene("model"), "mistral:7b"),
    "model-slow": lambda: with_facts(
        with_pull(
            chosen(scene("model"), "qwen3.6:27b"),
            PullState("qwen3.6:27b", "pulling", 22_000_000, 17_400_000_000, 6e6),
        ),
        line_bytes_per_s=6_000_000.0,
    ),
    "model-proxy": lambda: with_facts(
        with_pull(
            chosen(scene("model"), "llama3.2:3b"),
            PullState(
                "llama3.2:3b",
                error='The server cannot reach the registry to fetch llama3.2:3b. The server said: "dial tcp '
                'lookup: no such host". Check the network connection of the computer the server runs on.',
            ),
        ),
        pull_problem="registry_unreachable",
        server_is_ours=True,
        proxy="http://proxy.example:3128",
    ),
    "login": lambda: with_facts(
        with_pull(
            chosen(scene("login"), "llama3.2:3b"),
            PullState("llama3.2:3b", "pulling", 900_000_000, 2 * GB, 11e6),
        ),
        line_bytes_per_s=11e6,
    ),
    "try-waiting": lambda: with_pull(
        chosen(scene("try"), "llama3.2:3b"), PullState("llama3.2:3b", "pulling", 900_000_000, 2 * GB, 11e6)
    ),
    "try-resumed": lambda: chosen(scene("try"), "llama3.2:3b"),
    "try-ready": lambda: chosen(with_models(scene("try"), "llama3.2:3b"), "llama3.2:3b"),
    "try-answering": lambda: with_facts(
        chosen(with_models(scene("try"), "llama3.2:3b"), "llama3.2:3b"),
        answer=AnswerState("llama3.2:3b", "Explain it", ANSWER[:90]),
    ),
    "try-answered": lambda: with_facts(
        chosen(with_models(scene("try"), "llama3.2:3b"), "llama3.2:3b", "qwen3.6:27b"),
        answer=ANSWERED,
        line_bytes_per_s=6_000_000.0,
    ),
    "try-error": lambda: with_facts(
        chosen(with_models(scene("try"), "llama3.2:3b"), "llama3.2:3b"),
        answer=AnswerState(
            "llama3.2:3b",
            "x",
            running=False,
            error="llama3.2:3b does not fit into the memory that is free now.",
        ),
    ),
}


def privacy() -> Scene:
    """Hosts that were contacted."""
    made = scene("machine")
    now = made.now
    return with_facts(
        made,
        contacts=(
            HostContact("registry.example", "model", now - timedelta(minutes=3), 2),
            HostContact("release.example", "server", now - timedelta(days=2)),
            HostContact(
                "a-very-long-name-of-a-registry.of-somebody.example:5000", "shape", now - timedelta(days=9)
            ),
        ),
    )
