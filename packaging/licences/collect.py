"""Gathers the licences of everything that a package ships. Run by the environment that was frozen.

python packaging/licences/collect.py texts FILE [BUNDLE]   all texts in one file; with BUNDLE, also
                                                           those of the system libraries in it (Debian)
python packaging/licences/collect.py copyright FILE        Debian's machine-readable summary
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Installed to build, not shipped. PyInstaller's loader is shipped: its exception allows that.
BUILD_ONLY = {
    "altgraph",
    "macholib",
    "packaging",
    "pefile",
    "pip",
    "pyinstaller-hooks-contrib",
    "pywin32-ctypes",
    "setuptools",
}
SHARED = ("LGPL-3", "GPL-3", "MPL-2.0")  # beside this file, since only Debian has them at hand
DEBIAN = "Debian's build"


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that is shipped: its licence in a word, and the text."""

    name: str
    version: str
    licence: str
    text: str


def licence_word(about: metadata.PackageMetadata) -> str:
    """The licence as the package's metadata names it, short."""
    fields = (about.get("License-Expression"), about.get("License"))
    word = next((field for field in fields if field), "see text")
    if "PyInstaller" in word:
        return "GPL-2+ with PyInstaller exception"
    return "BSD-3-Clause" if word == "BSD" else word.splitlines()[0][:80]


def licence_text(dist: metadata.Distribution) -> str:
    """The texts in a package; where it has none, the notice at the head of its first source file."""
    texts = []
    for file in dist.files or ():
        if (
            re.match(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", file.name, re.IGNORECASE)
            and file.suffix != ".py"
        ):
            path = Path(str(file.locate()))
            if path.is_file():
                texts.append(path.read_text(encoding="utf-8", errors="replace"))
    if not texts:
        sources = [file for file in dist.files or () if file.name in {"pynvml.py"}]
        for file in sources:
            head = re.match(r"(?:#.*\n)+", file.locate().read_text(encoding="utf-8"))  # type: ignore[union-attr]
            texts += [re.sub(r"^#+ ?", "", head[0], flags=re.MULTILINE)] if head else []
    return "\n".join(texts)


def python_components() -> list[Component]:
    """Everything installed that is shipped, with Python itself."""
    found = []
    for dist in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", dist.metadata["Name"]).lower()
        if name in BUILD_ONLY or name == "wattlight":
            continue
        text = licence_text(dist)
        if name in {"pyside6-essentials", "shiboken6"}:
            text = (HERE / "qt.txt").read_text(encoding="utf-8")
        found.append(Component(name, dist.version, licence_word(dist.metadata), text))
    own = [folder / "LICENSE.txt" for folder in (Path(os.__file__).parent, Path(sys.base_prefix))]
    text = next((path.read_text(encoding="utf-8") for path in own if path.is_file()), "PSF-2.0")
    found.append(Component("python", sys.version.split()[0], "PSF-2.0", text))
    return sorted(found, key=lambda component: component.name)


def system_components(bundle: Path) -> list[Component]:
    """The Debian packages whose libraries lie in a bundle."""
    packages: dict[str, str] = {}
    for path in sorted(bundle.rglob("*.so*")):
        done = subprocess.run(["dpkg", "-S", f"*/{path.name}"], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            name = line.split(":")[0]
            if "/usr/lib/" in line and line.endswith("/" + path.name) and not name.endswith("-dev"):
                packages.setdefault(name, path.name)
    found = []
    for name in sorted(packages):
        notice = Path("/usr/share/doc") / name / "copyright"
        if notice.is_file():
            found.append(Component(name, DEBIAN, "see text", notice.read_text(errors="replace")))
    return found


def all_texts(components: list[Component]) -> str:
    """One document; the licences that several components share come once, at the end."""
    parts = ["Wattlight ships the parts below. Wattlight itself: Apache-2.0.\n"]
    for item in components:
        parts.append(
            f"\n{'=' * 78}\n{item.name} {item.version}: {item.licence}\n{'=' * 78}\n\n{item.text.strip()}\n"
        )
    shared = {name: HERE / f"{name}.txt" for name in SHARED}
    if any(item.version == DEBIAN for item in components):
        shared["LGPL-2.1"] = Path("/usr/share/common-licenses/LGPL-2.1")
    for name, path in shared.items():
        text = path.read_text(encoding="utf-8").strip()
        parts.append(f"\n{'=' * 78}\n{name}\n{'=' * 78}\n\n{text}\n")
    return "".join(parts)


def copyright_file(components: list[Component]) -> str:
    """Debian's machine-readable copyright file."""
    lines = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        "Upstream-Name: wattlight",
        "",
        "Files: *",
        "Copyright: 2026 The Wattlight authors",
        "License: Apache-2.0",
    ]
    words: dict[str, str] = {}
    for item in components:
        word = re.sub(r"[^A-Za-z0-9.+-]+", "-", item.licence).strip("-")
        words[word] = item.licence
        lines += [
            "",
            f"Files: bundled/{item.name}/*",
            f"Copyright: the authors of {item.name} {item.version}",
            f"License: {word}",
        ]
    lines += [
        "",
        "License: Apache-2.0",
        " On Debian systems, the full text is in /usr/share/common-licenses/Apache-2.0.",
    ]
    for word, licence in sorted(words.items()):
        lines += [
            "",
            f"License: {word}",
            f" {licence}. The full texts and notices of all bundled parts are in",
        ]
        lines.append(" /usr/share/doc/wattlight/third-party.txt.gz")
        if "LGPL-3" in word:
            lines.append(" On Debian systems, LGPL-3, GPL-3 and GPL-2 are in /usr/share/common-licenses.")
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    """Write one of the two files; 1 when a component has no licence text."""
    what, target = argv[0], Path(argv[1])
    components = python_components()
    bare = [item.name for item in components if not item.text.strip()]
    if bare:
        print(f"no licence text found for: {', '.join(bare)}")
        return 1
    if what == "copyright":
        target.write_text(copyright_file(components), encoding="utf-8")
    else:
        system = system_components(Path(argv[2])) if len(argv) > 2 else []
        target.write_text(all_texts([*components, *system]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
