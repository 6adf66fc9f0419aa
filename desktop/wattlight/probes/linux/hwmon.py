"""A device's hwmon folder: found by name, sensors by label, never by index."""

import errno
import re
from dataclasses import dataclass, field

from wattlight.domain.values import clean_text

from ..numbers import again_whole, celsius_of
from ..reader import Reader

GONE = {errno.ENOENT, errno.ENODEV}
"""What a sensor answers after its driver was reloaded: it has another number now."""
_INPUT = re.compile(r"(temp|fan|energy|power|in|curr)([0-9]+)_(input|average)\Z")


@dataclass(slots=True)
class Hwmon:
    """Paths of the sensors of one device.

    ``labels`` maps ``temp2`` to its label (empty where it has none); ``files`` are the names in the folder.
    """

    folder: str
    files: frozenset[str]
    labels: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str | None:
        """The full path of a file that is there."""
        return f"{self.folder}/{name}" if name in self.files else None

    def labelled(self, kind: str, label: str) -> str | None:
        """The sensor of this kind ("temp") with this label."""
        return next(
            (key for key, text in self.labels.items() if key.startswith(kind) and text == label), None
        )

    def of_kind(self, kind: str) -> list[str]:
        """Sensors of a kind in the order of their numbers."""
        found = [key for key in self.labels if re.fullmatch(kind + "[0-9]+", key)]
        return sorted(found, key=lambda key: int(key[len(kind) :]))


def find_hwmon(reader: Reader, device_folder: str, names: tuple[str, ...]) -> Hwmon | None:
    """The hwmon of a device whose ``name`` is one of ``names``; None without one. Never raises."""
    for entry in reader.listdir(f"{device_folder}/hwmon"):
        folder = f"{device_folder}/hwmon/{entry}"
        if reader.text(f"{folder}/name") in names:
            files = frozenset(reader.listdir(folder))
            keys = {match.group(1) + match.group(2) for f in files if (match := _INPUT.match(f))}
            labels = {
                key: clean_text(reader.text(f"{folder}/{key}_label") or "", 40)
                if f"{key}_label" in files
                else ""
                for key in sorted(keys)
            }
            return Hwmon(folder, files, labels)
    return None


def degrees(reader: Reader, hwmon: Hwmon | None, sensor: str | None) -> float | None:
    """A temperature in degrees Celsius, None when it is not there or not credible. Raises OSError."""
    path = hwmon.path(f"{sensor}_input") if hwmon and sensor else None
    return None if path is None else celsius_of(again_whole(reader, path, -300_000, 300_000))
