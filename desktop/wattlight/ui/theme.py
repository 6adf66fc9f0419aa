"""The theme in force: as the system says, or as the settings force it."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from .tokens import BODY, DARK, LIGHT, Tokens, from_palette

SCHEMES = {
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
    "system": Qt.ColorScheme.Unknown,
}


class Theme(QObject):
    """Hands out the tokens and fonts; ``changed`` when they are others."""

    changed = Signal()

    def __init__(self, app: QApplication, wish: str = "system") -> None:
        super().__init__()
        self._app = app
        self._wish = wish
        self._scale = self._read_scale()
        self._forcing = False
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._refresh)
        self.tokens = self._choose()
        self.wish(wish)

    def wish(self, wish: str) -> None:
        """Follow the system ("system") or force "light" or "dark"."""
        self._wish = wish if wish in SCHEMES else "system"
        hints = QGuiApplication.styleHints()
        self._forcing = True
        hints.setColorScheme(SCHEMES[self._wish])
        self._forcing = False
        self._refresh()

    @property
    def dark_panel(self) -> bool:
        """Whether the panel is likely dark: unknown counts as dark, as most panels are."""
        return QGuiApplication.styleHints().colorScheme() is not Qt.ColorScheme.Light

    def font(self, pixels: int, bold: bool = False, tabular: bool = False) -> QFont:
        """The system's font at a size of the scale."""
        font = QFont(self._app.font())
        font.setPixelSize(self.px(pixels))
        if bold:
            font.setWeight(QFont.Weight.DemiBold)
        if tabular:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def px(self, pixels: int) -> int:
        """A size of the scale, larger where the person has set a larger font."""
        return round(pixels * self._scale)

    def palette(self) -> QPalette:
        """Native controls in our colours."""
        if self.tokens.name == "contrast":
            return self._app.palette()
        role, tokens = QPalette.ColorRole, self.tokens
        palette = QPalette(QColor(tokens.card), QColor(tokens.window))
        for which, colour in (
            (role.WindowText, tokens.text),
            (role.Text, tokens.text),
            (role.ButtonText, tokens.text),
            (role.Base, tokens.card),
            (role.AlternateBase, tokens.hover),
            (role.Button, tokens.card),
            (role.ToolTipBase, tokens.card),
            (role.ToolTipText, tokens.text),
            (role.Highlight, tokens.button),
            (role.HighlightedText, tokens.button_text),
            (role.PlaceholderText, tokens.faint),
            (role.Link, tokens.cpu),
            (role.Accent, tokens.button),
        ):
            palette.setColor(which, QColor(colour))
        for which in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(tokens.faint))
        return palette

    def close(self) -> None:
        """Stop following the system."""
        QGuiApplication.styleHints().colorSchemeChanged.disconnect(self._refresh)

    def _refresh(self) -> None:
        if self._forcing:
            return
        chosen = self._choose()
        if chosen != self.tokens:
            self.tokens = chosen
            self.changed.emit()

    def _choose(self) -> Tokens:
        if self._high_contrast():
            return from_palette(self._app.palette())
        if self._wish == "dark":
            return DARK
        if self._wish == "light":
            return LIGHT
        scheme = QGuiApplication.styleHints().colorScheme()
        if scheme is Qt.ColorScheme.Unknown:
            return DARK if self._app.palette().color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT
        return DARK if scheme is Qt.ColorScheme.Dark else LIGHT

    @staticmethod
    def _high_contrast() -> bool:
        hints = QGuiApplication.styleHints()
        accessibility = getattr(hints, "accessibility", None)
        if accessibility is None:
            return False
        preference = accessibility().contrastPreference()
        return preference is not None and getattr(preference, "name", "") == "HighContrast"

    def _read_scale(self) -> float:
        pixels = QFontInfo(self._app.font()).pixelSize()
        return pixels / BODY if pixels > BODY + 1 else 1.0
