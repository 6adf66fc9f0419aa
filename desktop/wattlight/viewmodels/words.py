"""Short phrases used by several views: verdicts, places, times."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wattlight.domain import answers
from wattlight.domain.command import Command
from wattlight.domain.servers import Can, ServerKind, kind_name
from wattlight.domain.state import RunningModel, ServerStatus
from wattlight.domain.values import Quality, Scope, clean_text
from wattlight.i18n import clock_time, day_name, gb, gib, interval, joined, number, percent, tr
from wattlight.services.answers import CPU_ONLY, DOES_NOT_FIT, FULL_GPU, PARTIAL_GPU, FitNote, Offer

from .scene import Scene

SLOW_TOKENS_PER_S = 5.0
"""Below this a reader waits for the text: about reading speed (250 words a minute are 5 to 6 tokens/s)."""

DASH = "–"


class Tone(StrEnum):
    """The colour family of a pill; the words always stand beside it."""

    GOOD = "good"
    PARTLY = "partly"
    PLAIN = "plain"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class PillView:
    """A verdict in words with its tone."""

    text: str
    tone: Tone
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A button: its label and what it asks for. ``why_not`` is the reason shown when it is greyed."""

    text: str
    command: Command
    primary: bool = False
    enabled: bool = True
    why_not: str = ""
    hint: str = ""


def is_slow(fit: FitNote) -> bool:
    """Whether the best speed expected is below reading speed."""
    best = fit.measured_tokens_per_s or fit.tokens_high
    return best is not None and best < SLOW_TOKENS_PER_S


def is_heavy(fit: FitNote) -> bool:
    """Whether a person is asked before it is loaded or installed: too large, slow, or partly in RAM."""
    return fit.verdict in {PARTIAL_GPU, DOES_NOT_FIT} or (fit.verdict == CPU_ONLY and is_slow(fit))


def verdict_pill(fit: FitNote | None, spare: bool = False) -> PillView:
    """The verdict of a model that is not running, with spare memory on request."""
    if fit is None:
        return PillView(tr("not checked yet"), Tone.PLAIN)
    if fit.verdict is None:
        return PillView(tr("fit unknown"), Tone.PLAIN, " ".join(fit.reasons))
    if fit.verdict == FULL_GPU:
        if spare and fit.spare_bytes is not None:
            return PillView(tr("all on GPU, {gib} to spare", gib=gib(fit.spare_bytes)), Tone.GOOD)
        return PillView(tr("all on GPU"), Tone.GOOD)
    if fit.verdict == PARTIAL_GPU:
        return PillView(layers_text(fit), Tone.PARTLY, _partly_hint(fit))
    if fit.verdict == CPU_ONLY:
        text = tr("CPU only, slow") if is_slow(fit) else tr("CPU only")
        return PillView(text, Tone.PLAIN, tr("Runs in the computer's memory; the GPU is not used."))
    return PillView(tr("does not fit"), Tone.BAD, _missing(fit))


def list_pill(fit: FitNote | None) -> PillView:
    """The verdict as short as a list needs it; the whole one is in the hint."""
    pill = verdict_pill(fit)
    if fit is None or fit.verdict != PARTIAL_GPU or fit.layers_on_gpu is None or fit.layers_total is None:
        return pill
    if fit.layers_on_gpu >= fit.layers_total:  # all of them, but their experts stay in RAM
        return PillView(tr("partly in RAM"), pill.tone, joined((pill.text, pill.hint), ". "))
    text = tr("{a} of {b} layers", a=number(fit.layers_on_gpu), b=number(fit.layers_total))
    return PillView(text, pill.tone, joined((pill.text, pill.hint), ". "))


def verdict_short(fit: FitNote | None) -> str:
    """The verdict as the quiet words behind a name in a menu: "fits", "mostly CPU, slow"."""
    if fit is None or fit.verdict is None:
        return ""
    if fit.verdict == FULL_GPU:
        return tr("fits")
    if fit.verdict == PARTIAL_GPU:
        total, on_gpu = fit.layers_total, fit.layers_on_gpu
        mostly_cpu = total is not None and on_gpu is not None and on_gpu * 2 <= total
        if is_slow(fit):
            return tr("mostly CPU, slow") if mostly_cpu else tr("partly on CPU, slow")
        return tr("mostly CPU") if mostly_cpu else tr("partly on CPU")
    if fit.verdict == CPU_ONLY:
        return tr("CPU only, slow") if is_slow(fit) else tr("CPU only")
    return tr("does not fit")


def running_pill(model: RunningModel, fit: FitNote | None) -> PillView:
    """Where a loaded model runs, from what the server reports."""
    if model.gpu_share is None:
        return PillView(tr("location not reported"), Tone.PLAIN)
    if model.gpu_share == 1:
        return PillView(tr("all on GPU"), Tone.GOOD)
    if model.gpu_share == 0:
        return PillView(tr("CPU only"), Tone.PLAIN)
    if fit is not None and fit.verdict == PARTIAL_GPU and fit.layers_on_gpu is not None:
        return PillView(layers_text(fit), Tone.PARTLY, _partly_hint(fit))
    share = percent(model.gpu_share)
    return PillView(tr("{share} on GPU", share=share), Tone.PARTLY)


def layers_text(fit: FitNote) -> str:
    """ "41 of 81 layers on GPU", or plainer where the layers are not known."""
    if fit.layers_on_gpu is None or fit.layers_total is None:
        return tr("partly on GPU")
    if fit.layers_on_gpu >= fit.layers_total:
        return tr("all layers on GPU, their experts in RAM")
    return tr("{a} of {b} layers on GPU", a=number(fit.layers_on_gpu), b=number(fit.layers_total))


def speed_text(fit: FitNote | None, short: bool = False) -> str:
    """ "118 tokens/s measured", "31–42 tokens/s estimated", or nothing."""
    if fit is None:
        return ""
    if fit.measured_tokens_per_s is not None:
        text = tr("{speed} tokens/s") if short else tr("{speed} tokens/s measured")
        return text.format(speed=rate(fit.measured_tokens_per_s))
    if fit.tokens_low is not None and fit.tokens_high is not None:
        return tr("{speed} tokens/s estimated", speed=speed_range(fit.tokens_low, fit.tokens_high))
    return ""


def download_text(offer: Offer) -> str:
    """ "4.9 GB", or "~18.0 GB" where only a rounded size is listed."""
    return ("" if offer.download_exact else "~") + gb(offer.download_bytes)


def rate(per_s: float) -> str:
    return number(per_s, 1 if per_s < 9.95 else 0)


def speed_range(low: float, high: float) -> str:
    """ "31–42" with the digits that a range so wide allows."""
    digits = 1 if high < 9.95 and high - low < 0.3 * high else 0
    return interval(number(low, digits), number(high, digits))


def scope_text(scope: Scope | None) -> str:
    """What a power reading covers; nothing where that is not known."""
    if scope is None:
        return ""
    return {
        Scope.CHIP: tr("chip alone"),
        Scope.BOARD: tr("whole card"),
        Scope.PACKAGE: tr("processor package"),
        Scope.RAILS: tr("cores and SoC of the processor"),
        Scope.MODULE: tr("processor and GPU module"),
        Scope.SYSTEM: tr("whole computer"),
        Scope.BATTERY: tr("what the battery delivers"),
    }[scope]


def quality_text(quality: Quality | None) -> str:
    """How a power reading is made; nothing where there is none."""
    if quality is None:
        return ""
    return {
        Quality.METERED: tr("metered"),
        Quality.COUNTER: tr("energy counter"),
        Quality.SAMPLED: tr("sampled"),
        Quality.LEARNED: tr("learned on battery"),
        Quality.ESTIMATED: tr("estimated"),
    }[quality]


def server_trouble(status: ServerStatus, kind: ServerKind = ServerKind.OLLAMA) -> str:
    """Why no model can be run, as a title."""
    name = kind_name(kind)
    return {
        ServerStatus.UNKNOWN: tr("Looking for {server}…", server=name),
        ServerStatus.ABSENT: tr("{server} is not running", server=name),
        ServerStatus.FOREIGN: tr("Another program answers at {server}'s address", server=name),
        ServerStatus.SILENT: tr("{server} does not answer", server=name),
    }.get(status, tr("{server} cannot be used", server=name))


def kept_text(scene: Scene, expires_at: datetime | None) -> str:
    """Until when a loaded model is kept: a clock time, with its day when that is not today; "" where that is
    not told."""
    if not scene.host.server.can(Can.KEEP):
        return ""
    if expires_at is None:
        return tr("kept until unloaded")
    return tr("kept until {time}", time=moment(scene, expires_at))


def elsewhere_text(scene: Scene, host: str) -> str:
    """That a model is answered by another computer."""
    if scene.host.server.kind is ServerKind.OLLAMA:
        return tr("Runs on Ollama's servers; your text leaves this computer.")
    return tr("Runs on {host}; your text leaves this computer.", host=clean_text(host, 80))


def moment(scene: Scene, at: datetime) -> str:
    """A clock time, with the weekday when it is not today."""
    local, today = at.astimezone(scene.zone), scene.now.astimezone(scene.zone)
    text = clock_time(at, scene.zone)
    return text if local.date() == today.date() else f"{day_name(local.date())} {text}"


def needs_text(fit: FitNote | None) -> str:
    """What a heavy model asks of the computer, or nothing when it is not heavy."""
    if fit is None or fit.verdict in {None, FULL_GPU}:
        return ""
    if fit.verdict == DOES_NOT_FIT:
        return _missing(fit)
    parts = []
    if fit.host_bytes:
        text = (
            tr("Needs about {gib} of RAM too")
            if fit.verdict == PARTIAL_GPU
            else tr("Needs about {gib} of RAM")
        )
        parts.append(text.format(gib=gib(fit.host_bytes, 0)))
    if fit.tokens_low is not None and fit.tokens_high is not None:
        parts.append(tr("{speed} tokens/s", speed=speed_range(fit.tokens_low, fit.tokens_high)))
    return joined(parts, "; ")


def _partly_hint(fit: FitNote) -> str:
    return needs_text(fit) or tr("The rest of the model runs on the processor.")


def _missing(fit: FitNote) -> str:
    if fit.spare_bytes is not None and fit.spare_bytes < 0:
        return tr("It needs {gib} more memory than is free here.", gib=gib(-fit.spare_bytes))
    return tr("It does not fit in the memory of this computer.")


@dataclass(frozen=True, slots=True)
class TableView:
    """A plain table: headings and rows of texts; the first ``words`` columns are text, the others figures."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    quiet_rows: frozenset[int] = frozenset()
    words: int = 1


NO_TABLE = TableView((), ())


def everyday_text(energy_mj: int | None) -> str:
    """ "About as much as boiling 4 l of water."; "" where there is nothing to speak of."""
    like = answers.everyday(energy_mj)
    if like is None:
        return ""
    amount = number(like.amount, 0 if like.amount == int(like.amount) else 1)
    text = {
        "lamp_minutes": tr("About as much as an LED lamp uses in {n} minutes."),
        "phone_charges": tr("About as much as charging a phone {n} times."),
        "litres_boiled": tr("About as much as boiling {n} l of water."),
        "car_km": tr("About as much as driving an electric car for {n} km."),
    }[like.kind]
    return text.format(n=amount)


def ability_name(code: str) -> str:
    """What a model is made for or can do, as the catalogue's code says."""
    names = {
        "chat": tr("chat"),
        "code": tr("code"),
        "vision": tr("images"),
        "audio": tr("sound"),
        "tools": tr("tools"),
        "functions": tr("functions"),
        "thinking": tr("thinking"),
        "reasoning": tr("reasoning"),
        "agents": tr("agents"),
        "completion": tr("completing code"),
        "embedding": tr("embeddings"),
        "rag": tr("answers from documents"),
        "translation": tr("translation"),
        "moderation": tr("moderation"),
        "medicine": tr("medicine"),
        "long-context": tr("long context"),
        "open-data": tr("open data"),
        "fast": tr("fast"),
        "small": tr("small"),
        "tiny": tr("tiny"),
        "workstation": tr("workstation"),
        "server": tr("server"),
        "derived": tr("derived"),
        "legacy": tr("older"),
    }
    return names.get(code, clean_text(code, 20))
