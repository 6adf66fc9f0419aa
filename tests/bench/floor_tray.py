"""The floor: a bare tray with a menu that does nothing.

floor_tray.py [bare]: with ``bare`` it imports QtWidgets alone, else the five packages the program stands on.
Prints the CPU seconds it took until the icon was shown, then idles.
"""

import sys
import time

from PySide6.QtWidgets import QApplication, QMenu, QStyle, QSystemTrayIcon

if "bare" not in sys.argv:
    import ollama  # noqa: F401
    import platformdirs  # noqa: F401
    import psutil  # noqa: F401
    import pynvml  # noqa: F401

app = QApplication(sys.argv)
menu = QMenu()
for number in range(8):
    menu.addAction(f"entry {number}")
tray = QSystemTrayIcon(app.style().standardIcon(QStyle.StandardPixmap.SP_ComputerIcon))
tray.setToolTip("floor")
tray.setContextMenu(menu)
tray.show()
app.processEvents()
print(time.process_time(), flush=True)
if "once" not in sys.argv:
    sys.exit(app.exec())
