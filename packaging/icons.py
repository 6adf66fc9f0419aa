"""Renders the program's SVG icon into the containers that macOS and Windows want (.icns, .ico).

python packaging/icons.py FOLDER
"""

import os
import struct
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "resources/icons/wattlight.svg"
ICO_SIZES = (16, 20, 24, 32, 48, 64, 256)
# Apple's names for PNG images of these sizes (the second of a size is for doubled screens).
ICNS_TYPES = (
    ("icp4", 16),
    ("icp5", 32),
    ("ic11", 32),
    ("ic12", 64),
    ("ic07", 128),
    ("ic13", 256),
    ("ic08", 256),
    ("ic14", 512),
    ("ic09", 512),
    ("ic10", 1024),
)


def png(source: Path, size: int) -> bytes:
    """The SVG as a square PNG."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QBuffer, QByteArray, QIODevice
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    QSvgRenderer(str(source)).render(painter)
    painter.end()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(data.data())


def ico(images: dict[int, bytes]) -> bytes:
    """A Windows icon that holds PNG images by size."""
    head = struct.pack("<HHH", 0, 1, len(images))
    offset = len(head) + 16 * len(images)
    entries, body = b"", b""
    for size, image in sorted(images.items()):
        side = size % 256  # 0 means 256
        entries += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(image), offset + len(body))
        body += image
    return head + entries + body


def icns(images: dict[int, bytes]) -> bytes:
    """A macOS icon that holds PNG images by size."""
    body = b"".join(
        name.encode() + struct.pack(">I", len(images[size]) + 8) + images[size] for name, size in ICNS_TYPES
    )
    return b"icns" + struct.pack(">I", len(body) + 8) + body


def main(argv: list[str]) -> int:
    """Write wattlight.ico and wattlight.icns into the folder given."""
    folder = Path(argv[0])
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {*ICO_SIZES, *(size for _, size in ICNS_TYPES)}
    images = {size: png(SOURCE, size) for size in sizes}
    (folder / "wattlight.ico").write_bytes(ico({size: images[size] for size in ICO_SIZES}))
    (folder / "wattlight.icns").write_bytes(icns(images))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
