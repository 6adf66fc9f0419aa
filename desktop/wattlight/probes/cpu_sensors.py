"""Processor power from hwmon drivers that some systems have beside or instead of the energy counters.

``zenpower`` (core and SoC rails), ``fam15h_power`` (package) and the former ``amd_energy`` (socket counters).
"""

from dataclasses import replace

from wattlight.domain.values import Quality

from .hwmon import Hwmon
from .numbers import again_whole, watts_of
from .rates import CounterRate, Moment
from .reader import Reader
from .report import CpuPower

FOLDER = "/sys/class/hwmon"


class CpuSensors:
    """The first of the known drivers that is there."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._found = self._find()
        self._sockets = [CounterRate(1e-6) for _ in range(self._found[1].count("E") if self._found else 0)]

    def look(self, now: Moment, base: CpuPower) -> CpuPower:
        """``base`` with the package's watts if a driver gives them. Never raises."""
        if self._found is None:
            return base
        hwmon, _, name = self._found
        if name == "zenpower":
            watts = self._sum(hwmon, ("SVI2_P_Core", "SVI2_P_SoC"))
            return self._with(base, watts, "hwmon zenpower", "core + SoC rails", Quality.SAMPLED)
        if name == "fam15h_power":
            watts = self._read(hwmon, "power1_input")
            return self._with(base, watts, "hwmon fam15h_power", "package", Quality.SAMPLED)
        return self._with(base, self._counted(hwmon, now), "hwmon amd_energy", "sockets", Quality.COUNTER)

    def _find(self) -> tuple[Hwmon, str, str] | None:
        for name in ("amd_energy", "zenpower", "fam15h_power"):
            for entry in self._reader.listdir(FOLDER):
                folder = f"{FOLDER}/{entry}"
                if self._reader.text(f"{folder}/name") == name:
                    files = frozenset(self._reader.listdir(folder))
                    stems = sorted({f.split("_")[0] for f in files if f.endswith("_label")})
                    labels = {stem: self._reader.text(f"{folder}/{stem}_label") or "" for stem in stems}
                    sockets = "E" * sum(label.startswith("Esocket") for label in labels.values())
                    return Hwmon(folder, files, labels), sockets, name
        return None

    def _sum(self, hwmon: Hwmon, labels: tuple[str, ...]) -> float | None:
        values = []
        for label in labels:
            sensor = hwmon.labelled("power", label)
            values.append(self._read(hwmon, f"{sensor}_input") if sensor else None)
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    def _counted(self, hwmon: Hwmon, now: Moment) -> float | None:
        sensors = [key for key in hwmon.of_kind("energy") if hwmon.labels[key].startswith("Esocket")]
        values = []
        for sensor, rate in zip(sensors, self._sockets, strict=False):
            try:
                counts = again_whole(self._reader, f"{hwmon.folder}/{sensor}_input")
            except OSError:
                counts = None
            values.append(rate.watts(counts, now))
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    def _read(self, hwmon: Hwmon, file: str) -> float | None:
        path = hwmon.path(file)
        try:
            return watts_of(again_whole(self._reader, path)) if path else None
        except OSError:
            return None

    def _with(
        self, base: CpuPower, watts: float | None, source: str, scope: str, quality: Quality
    ) -> CpuPower:
        if watts is None:
            return base
        return replace(base, package_w=watts, source=source, scope=scope, reason=None, quality=quality)
