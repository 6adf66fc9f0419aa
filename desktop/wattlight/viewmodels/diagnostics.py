"""What goes with a report of a fault: chosen facts, no secrets; in English, for those who mend it."""

from collections.abc import Iterator

from wattlight.domain.values import LOCAL_HOST, DeviceSample, clean_text

from .scene import Scene

_SWITCHES = (
    "theme",
    "language",
    "icon_figure",
    "start_at_login",
    "start_server",
    "passthrough_on",
    "ask_heavy",
    "context_length",
    "keep_alive",
)
"""Settings that are told; none of them can hold a name, an address or a secret."""
MOST = 40
"""Lines of one kind."""


def diagnostics_text(scene: Scene, platform: tuple[str, ...], names: bool) -> str:
    """Plain text for the clipboard. ``platform``: what the face knows of system and desktop, a fact each.

    Names of models only with ``names``; then what notices say is told too, which may hold them.
    """
    lines = [f"Wattlight {scene.extras.version}".strip(), f"at {scene.now:%Y-%m-%d %H:%M %Z}", *platform]
    lines += [*_server(scene, names), *_machine(scene), *_meter(scene)]
    lines += [f"setting {name}: {getattr(scene.settings, name)}" for name in _SWITCHES]
    for notice in scene.state.notices[:MOST]:
        said = f": {notice.text}" if names else ""
        lines.append(f"notice {notice.level}: {notice.kind.split(' ')[0]}{said}")
    return "\n".join(clean_text(line, 300) for line in lines) + "\n"


def _server(scene: Scene, names: bool) -> Iterator[str]:
    for host in scene.state.hosts:
        server, where = host.server, "here" if host.id == LOCAL_HOST else "elsewhere"
        count = f"{len(server.installed)} installed, {len(server.running)} loaded"
        yield f"server {where}: {server.status.value}, {server.version or 'version unknown'}, {count}"
        for model in server.running:
            named = f" {model.name}" if names else ""
            yield f"loaded{named}: {model.size_vram_bytes} of {model.size_bytes} bytes on GPU"
        if names:
            yield from (f"installed {model.name}" for model in server.installed[:MOST])


def _machine(scene: Scene) -> Iterator[str]:
    host = scene.host
    if host.profile is not None:
        yield f"system: {host.profile.os}, RAM {host.profile.ram_total_bytes} bytes"
    for sample in host.sample.devices if host.sample else ():
        yield _device(sample)


def _device(sample: DeviceSample) -> str:
    power = sample.power
    quality = power.quality.value if power.quality is not None else "unknown quality"
    told = power.reason or f"{power.value} W from {power.source}, {quality}"
    if sample.kind == "wall":  # its name, its source and what is wrong with it have its address in them
        return f"wall plug: {'not read' if power.value is None else quality}"
    return f"{sample.kind} {sample.name}: {sample.state}; {told}; memory {sample.memory.total_bytes}"


def _meter(scene: Scene) -> Iterator[str]:
    state = scene.state
    yield f"meter: {'paused' if state.paused else 'recording' if state.recording else 'another one records'}"
    if state.down:
        yield f"down: {', '.join(state.down)}"
    yield f"price known: {state.price_known}; tasks {len(state.tasks)}; pulls {len(state.pulls)}"
