"""What to run on a machine, and whether what is installed fits it."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from typing import TypeVar

from wattlight.domain.advice import (
    Advice,
    Editorial,
    KnownModel,
    KnownModels,
    Question,
    recommend,
)
from wattlight.domain.entry import Catalog, CatalogEntry, CatalogMatch
from wattlight.domain.fit import (
    Confidence,
    FitOptions,
    FitResult,
    PreparedModel,
    Reason,
    Together,
    Verdict,
    explain,
    fit,
    fit_together,
    largest_context,
    prepare,
)
from wattlight.domain.learning import device_label
from wattlight.domain.own_runs import depth_of_runs, pace_of_runs
from wattlight.domain.pace import Pace
from wattlight.domain.shape import ModelShape, ShapeSource
from wattlight.domain.speed import SpeedRange, tokens_per_second, with_draft
from wattlight.domain.tokens import MeasuredSpeed
from wattlight.domain.values import MachineProfile, Problem
from wattlight.i18n import tr


@dataclass(frozen=True, slots=True)
class Opinion:
    """How one model fits one machine.

    Attributes:
        fit: None where nothing is known of the model; ``reason`` then says why, in a sentence.
        source: a header is exact, a catalogue entry an estimate.
        largest_full_gpu_context: most tokens with which it stays wholly on the GPU, None if not at all.
        architecture: as the header or the catalogue names it.
        reasons: why the verdict is so, and what would change it.
        download_bytes: over the wire; None where not known.
        entry: what the catalogue says of it, None if it is not listed.
        draft_speed: with its speculative draft; None without one, or where no gain is to be expected.
    """

    name: str
    fit: FitResult | None = None
    speed: SpeedRange | None = None
    draft_speed: SpeedRange | None = None
    largest_full_gpu_context: int | None = None
    trained_context: int | None = None
    confidence: Confidence = Confidence.LOW
    source: ShapeSource | None = None
    architecture: str = ""
    reasons: tuple[Reason, ...] = ()
    download_bytes: int | None = None
    download_exact: bool = True
    entry: CatalogEntry | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One model at several context lengths; empty where nothing is known of it.

    ``largest_context`` and ``largest_eight_bit_context``: most tokens that stay wholly on the GPU, with the
    cache as the server has it and with a q8_0 one; the first has a step of its own. ``eight_bit``: as the
    step of the same context, with a q8_0 cache; None where the server has that already.
    """

    steps: tuple[FitResult, ...] = ()
    largest_context: int | None = None
    largest_eight_bit_context: int | None = None
    eight_bit: FitResult | None = None


ShapeOf = Callable[[str], ModelShape | None]
"""Reads the header of an installed model: its shape, or None if the file cannot be read here."""

REMEMBERED = 256
EIGHT_BIT = "q8_0"
RUNS_READ = 20
"""So many of the newest runs tell of a device's speed."""
STEP_BYTES = 64 << 20
"""Free memory is rounded down to this, so that an answer is not worked out anew at every flutter."""

T = TypeVar("T")


class Advisor:
    """Recommends models and judges installed ones. Safe to call from any thread; 5 to 40 ms each."""

    def __init__(self, catalog: Catalog, editorial: Editorial, shape_of: ShapeOf | None = None) -> None:
        self._known = KnownModels(catalog, editorial)
        self._shape_of = shape_of
        self._answers: OrderedDict[Hashable, object] = OrderedDict()
        self._headers: dict[str, PreparedModel | None] = {}
        """By digest, else by name; None: its server tells of it, but not all that a header does."""
        self._lock = Lock()

    @property
    def catalog(self) -> Catalog:
        return self._known.catalog

    def advice(self, profile: MachineProfile, question: Question) -> Advice:
        """The whole answer: models, what was passed over, whether to use an API."""
        steady = rounded(profile)
        return self._remembered((steady, question), lambda: recommend(self._known, steady, question))

    def judge(
        self, name: str, profile: MachineProfile, context: int | None = None, digest: str = ""
    ) -> Opinion:
        """How ``name`` fits: by its header where that can be read, else by the catalogue.

        ``context`` None takes the server's default for this machine. ``digest`` tells versions of one name
        apart.
        """
        steady = rounded(profile)
        return self._remembered(
            (steady, name, context, digest), lambda: self._judge(name, steady, context, digest)
        )

    def ladder(
        self,
        name: str,
        profile: MachineProfile,
        contexts: tuple[int, ...],
        digest: str = "",
        context: int | None = None,
    ) -> Ladder:
        """How ``name`` would run at each of ``contexts`` and at the largest that stays on the GPU, how far an
        8-bit cache would reach, and what it would free at ``context`` (None: the server's)."""
        steady = rounded(profile)
        return self._remembered(
            ("ladder", steady, name, contexts, digest, context),
            lambda: self._ladder(name, steady, contexts, digest, context),
        )

    def together(
        self, models: tuple[tuple[str, str, int | None], ...], profile: MachineProfile
    ) -> Together | None:
        """Whether models fit one after the other, each by name, digest and context (None: the server's).

        None where one of them is not known.
        """
        steady = rounded(profile)
        return self._remembered(("together", steady, models), lambda: self._together(models, steady))

    def _together(
        self, models: tuple[tuple[str, str, int | None], ...], profile: MachineProfile
    ) -> Together | None:
        known = [self._best_known(name, digest) for name, digest, _ in models]
        prepared = [item.model for item in known if item is not None]
        if len(prepared) < len(models):
            return None
        try:
            return fit_together(prepared, profile, [FitOptions(context=context) for _, _, context in models])
        except Problem:
            return None

    def paced(self, profile: MachineProfile, runs: tuple[MeasuredSpeed, ...]) -> MachineProfile:
        """This computer with what its own runs of the benchmark say of the speed of each device."""
        roomy = _emptied(profile)
        paces = self._remembered(("paces", roomy, runs), lambda: self._paces(roomy, runs))
        devices = tuple(replace(device, pace=paces.get(device.name)) for device in profile.devices)
        return replace(profile, devices=devices, cpu=replace(profile.cpu, pace=paces.get(device_label(()))))

    def _paces(self, roomy: MachineProfile, runs: tuple[MeasuredSpeed, ...]) -> dict[str, Pace | None]:
        """By device; runs over several devices, divided with the RAM or with a draft say nothing of one."""
        ratios: dict[str, list[float]] = {}
        depths: dict[str, list[float]] = {}
        filled: MeasuredSpeed | None = None
        for run in runs[:RUNS_READ]:  # newest first: a run with a filled context, then the one it followed
            if run.deep:
                filled = run
                continue
            expected = self._expected(roomy, run)
            if expected is not None:
                ratios.setdefault(run.device, []).append(run.output_tokens_per_s / expected)
                if filled is not None and _one_benchmark(run, filled):
                    depth = self._depth(roomy, run, expected, filled)
                    depths.setdefault(run.device, []).extend(() if depth is None else (depth,))
            filled = None
        return {device: pace_of_runs(found, depths.get(device, ())) for device, found in ratios.items()}

    def _depth(
        self, roomy: MachineProfile, run: MeasuredSpeed, expected: float, filled: MeasuredSpeed
    ) -> float | None:
        law = self._expected(roomy, filled)
        if law is None:
            return None
        return depth_of_runs((run.output_tokens_per_s, filled.output_tokens_per_s), (expected, law))

    def _expected(self, roomy: MachineProfile, run: MeasuredSpeed) -> float | None:
        """Tokens per second that the law expects of a run; None where it says nothing of one device."""
        known = self._best_known(run.model, run.digest)
        if known is None:
            return None
        try:
            result = fit(known.model, roomy, FitOptions(context=run.context))
        except Problem:
            return None
        # a draft's gain is its own: it says nothing of the device
        whole = result.verdict in {Verdict.FULL_GPU, Verdict.CPU} and result.draft is None
        if not whole or device_label(use.name for use in result.devices) != run.device:
            return None
        used = run.output_tokens // 2 if run.cache_tokens is None else run.cache_tokens
        return tokens_per_second(known.model, result, roomy, context_used=used).mid or None

    def renew(self, catalog: Catalog) -> None:
        """Answer from ``catalog`` from now on: some of its entries were read again."""
        known = KnownModels(catalog, self._known.editorial)
        with self._lock:
            self._known = known
            self._answers.clear()

    def know(self, name: str, shape: ModelShape) -> None:
        """Judge ``name`` by this header from now on: its registry was asked for it."""
        with self._lock:
            self._answers.clear()
            self._headers[name] = prepare(shape)

    def forget(self) -> None:
        with self._lock:
            self._answers.clear()
            self._headers.clear()

    def _judge(self, name: str, profile: MachineProfile, context: int | None, digest: str) -> Opinion:
        match = self._known.catalog.find(name)
        entry = match.entry if match else None
        known = self._best_known(name, digest)
        if known is None:
            reason = tr("Its file cannot be read here, and Wattlight's list of models does not have it.")
            return Opinion(name, entry=entry, reason=reason)
        model, options = known.model, FitOptions(context=context)
        try:
            result = fit(model, profile, options)
        except Problem as problem:
            return Opinion(name, entry=entry, reason=problem.message)
        whole = result.verdict is Verdict.FULL_GPU
        speed = tokens_per_second(model, result, profile)
        bare = fit(model, profile, replace(options, draft=0)) if result.draft else result
        return Opinion(
            name=name,
            fit=result,
            speed=speed,
            draft_speed=with_draft(speed, model, result, bare, profile),
            largest_full_gpu_context=largest_context(model, profile) if whole else None,
            trained_context=model.context_trained,
            confidence=result.confidence.at_most(known.confidence),
            source=model.shape.source,
            architecture=model.shape.architecture,
            reasons=explain(model, profile, result, options),
            download_bytes=_download_bytes(model.shape, match),
            download_exact=not model.shape.rounded,
            entry=entry,
        )

    def in_catalogue(self, name: str) -> KnownModel | None:
        """``name`` as the catalogue lets it be estimated, None if it is not listed."""
        match = self._known.catalog.find(name)
        return None if match is None else self._known.known(match.entry, match.tag)

    def _ladder(
        self, name: str, profile: MachineProfile, contexts: tuple[int, ...], digest: str, context: int | None
    ) -> Ladder:
        known = self._best_known(name, digest)
        if known is None:
            return Ladder()
        model = known.model
        try:
            trained = model.context_trained or max(contexts)
            largest = largest_context(model, profile)
            stop = whole_steps(largest, trained)
            lengths = sorted({c for c in contexts if c <= trained} | ({stop} if stop else set()))
            steps = tuple(fit(model, profile, FitOptions(context=c)) for c in lengths)
            smaller = FitOptions(context=context, kv_type=EIGHT_BIT)
            eight_bit = fit(model, profile, smaller) if profile.server.kv_cache_type == "f16" else None
            reach = largest_context(model, profile, FitOptions(kv_type=EIGHT_BIT))
            return Ladder(steps, largest, reach, eight_bit)
        except Problem:
            return Ladder()

    def prepared(self, name: str, digest: str = "") -> PreparedModel | None:
        """An installed model by its own header, None where that cannot be read."""
        key = digest or name
        if key not in self._headers:
            try:
                shape = None if self._shape_of is None else self._shape_of(name)
            except Problem:
                return None
            if shape is None:
                return None
            self._headers[key] = prepare(shape) if shape.source is ShapeSource.HEADER else None
        return self._headers[key]

    def _best_known(self, name: str, digest: str) -> KnownModel | None:
        model = self.prepared(name, digest)
        return self.in_catalogue(name) if model is None else KnownModel(model, Confidence.HIGH)

    def _remembered(self, key: Hashable, answer: Callable[[], T]) -> T:
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]  # type: ignore[return-value]  # stored under this key by this method
        made = answer()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return made


_ONE_BENCHMARK = timedelta(minutes=15)


def _one_benchmark(empty: MeasuredSpeed, filled: MeasuredSpeed) -> bool:
    """Whether both fills were measured in one go."""
    same = (empty.digest, empty.device, empty.context) == (filled.digest, filled.device, filled.context)
    return same and timedelta(0) <= filled.at - empty.at < _ONE_BENCHMARK


CONTEXT_STEP = 1024


def whole_steps(largest: int | None, trained: int | None) -> int | None:
    """What to load with where ``largest`` fits: all that was trained for, else whole steps of 1,024."""
    if not largest:
        return None
    if trained and largest >= trained:
        return trained
    return largest // CONTEXT_STEP * CONTEXT_STEP or largest


def _emptied(profile: MachineProfile) -> MachineProfile:
    """``profile`` with nothing else on it, and nothing learned: as runs of the benchmark find it."""
    devices = tuple(replace(d, memory_free_bytes=d.memory_total_bytes, pace=None) for d in profile.devices)
    cpu = replace(profile.cpu, pace=None)
    return replace(profile, devices=devices, ram_available_bytes=profile.ram_total_bytes, cpu=cpu)


def _download_bytes(shape: ModelShape, match: CatalogMatch | None) -> int:
    """What a pull fetches: as listed, else the file with its parts (its few kB of texts left out)."""
    if shape.source is not ShapeSource.HEADER and match is not None:
        return match.tag.bytes_listed
    draft = shape.draft.file_bytes if shape.draft is not None else 0
    return shape.file_bytes + shape.projector_bytes + shape.adapter_bytes + draft


def rounded(profile: MachineProfile) -> MachineProfile:
    """The profile with its free memory rounded down to :data:`STEP_BYTES`."""

    def down(value: int | None) -> int | None:
        return None if value is None else value - value % STEP_BYTES

    devices = tuple(
        replace(device, memory_free_bytes=down(device.memory_free_bytes)) for device in profile.devices
    )
    available = profile.ram_available_bytes - profile.ram_available_bytes % STEP_BYTES
    return replace(profile, ram_available_bytes=available, devices=devices)
