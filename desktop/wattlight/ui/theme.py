"""The theme in force, as the system says or as the settings force it, and its style sheet."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QStyle

from wattlight.i18n import right_to_left
from wattlight.paths import asset

from .tokens import AXIS, BODY, DARK, LIGHT, QUIET, TITLE, Tokens, from_palette

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

    @property
    def still(self) -> bool:
        """Whether the desktop asks for no movement."""
        return self._app.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration) == 0

    def font(self, pixels: int, bold: bool = False, tabular: bool = False) -> QFont:
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


_SHEET = """
QWidget#root {{ background: {window}; }}
QWidget#root[small="true"] {{ background: {card}; }}
QFrame#card {{ background: {card}; border: 1px solid {line}; border-radius: 12px; }}
QFrame#nav {{ background: transparent; border: none; border-{nav_edge}: 1px solid {line}; }}
QFrame#rule {{ background: {line}; border: none; max-height: 1px; min-height: 1px; }}
QLabel {{ color: {text}; font-size: {body}px; background: transparent; }}
QLabel[role="quiet"] {{ color: {quiet}; font-size: {small}px; }}
QLabel[role="faint"] {{ color: {faint}; font-size: {small}px; }}
QLabel[role="label"] {{ color: {quiet}; font-size: {small}px; font-weight: 600; }}
QLabel[role="muted"] {{ color: {quiet}; }}
QLabel[role="code"] {{ color: {text}; background: {window}; border: 1px solid {line}; border-radius: 8px;
  padding: 6px 10px; font-family: monospace; font-size: {body}px; }}
QLabel[role="name"] {{ font-size: {title}px; font-weight: 600; }}
QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="page"] {{ font-size: {page}px; font-weight: 600; }}
QLabel[role="bad"] {{ color: {bad}; font-size: {small}px; }}
QPushButton {{ color: {text}; background: {card}; border: 1px solid {line}; border-radius: 8px;
  padding: 6px 13px; font-size: {body}px; font-weight: 500; min-height: 18px; }}
QPushButton:hover {{ background: {hover}; }}
QPushButton:pressed {{ background: {line}; }}
QPushButton:disabled {{ color: {faint}; background: {window}; }}
QPushButton:focus {{ border: 2px solid {button}; padding: 5px 12px; }}
QPushButton[role="primary"] {{ color: {button_text}; background: {button}; border: 1px solid {button}; }}
QPushButton[role="primary"]:hover {{ background: {button_hover}; border-color: {button_hover}; }}
QPushButton[role="primary"]:disabled {{ color: {faint}; background: {track}; border-color: {track}; }}
QPushButton[role="primary"]:focus {{ border: 2px solid {text}; }}
QPushButton[role="flat"] {{ background: transparent; border: 1px solid transparent; padding: 4px 7px; }}
QPushButton[role="flat"]:hover {{ background: {hover}; }}
QPushButton[role="flat"]:checked {{ background: {selected}; }}
QPushButton[role="flat"]:focus {{ border: 2px solid {button}; padding: 3px 6px; }}
QPushButton[role="link"] {{ background: transparent; border: 1px solid transparent; padding: 2px 0;
  color: {quiet}; font-size: {small}px; text-align: left; text-decoration: underline; }}
QPushButton[role="link"]:focus {{ border: 1px solid {button}; }}
QPushButton[role="nav"] {{ background: transparent; border: 2px solid transparent; border-radius: 8px;
  padding: 6px 9px; text-align: left; color: {quiet}; font-size: {body}px; font-weight: 400; }}
QPushButton[role="nav"]:hover {{ background: {hover}; }}
QPushButton[role="nav"]:checked {{ background: {selected}; color: {text}; font-weight: 600; }}
QPushButton[role="nav"]:focus {{ border: 2px solid {button}; }}
QPushButton[role="row"] {{ background: transparent; border: 2px solid transparent; border-radius: 6px;
  padding: 0; }}
QPushButton[role="row"]:hover {{ background: {hover}; }}
QPushButton[role="row"]:focus {{ border: 2px solid {button}; }}
QPushButton[role="choice"] {{ background: {card}; border: 1px solid {line}; border-radius: 12px;
  padding: 0; }}
QPushButton[role="choice"]:hover {{ background: {hover}; }}
QPushButton[role="choice"]:checked {{ border: 1px solid {button}; background: {card}; }}
QPushButton[role="choice"]:focus {{ border: 2px solid {button}; padding: 0; }}
QPlainTextEdit {{ color: {text}; background: {card}; border: 1px solid {line}; border-radius: 12px;
  padding: 8px 10px; font-size: {body}px; selection-background-color: {button};
  selection-color: {button_text}; }}
QPlainTextEdit:focus {{ border: 2px solid {button}; padding: 7px 9px; }}
QPlainTextEdit[role="code"] {{ font-family: monospace; font-size: {small}px; }}
QLineEdit {{ color: {text}; background: {card}; border: 1px solid {line}; border-radius: 8px;
  padding: 6px 10px; font-size: {body}px; min-height: 18px; selection-background-color: {button};
  selection-color: {button_text}; }}
QLineEdit:focus {{ border: 2px solid {button}; padding: 5px 9px; }}
QComboBox {{ color: {text}; background: {card}; border: 1px solid {line}; border-radius: 8px;
  padding: 6px 10px; font-size: {body}px; min-height: 18px; }}
QComboBox:hover {{ background: {hover}; }}
QComboBox:focus {{ border: 2px solid {button}; padding: 5px 9px; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox::down-arrow {{ image: url("{chevron}"); width: 14px; height: 14px; }}
QComboBox QAbstractItemView {{ color: {text}; background: {card}; border: 1px solid {line}; outline: none;
  selection-background-color: {selected}; selection-color: {text}; padding: 4px; }}
QCheckBox {{ color: {text}; font-size: {body}px; spacing: 8px; border: 2px solid transparent;
  border-radius: 6px; padding: 2px; }}
QCheckBox:focus {{ border: 2px solid {button}; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {faint}; border-radius: 4px;
  background: {card}; }}
QCheckBox::indicator:checked {{ background: {button}; border-color: {button}; image: url("{check}"); }}
QScrollArea, QScrollArea > QWidget > QWidget#page {{ background: transparent; border: none; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 2px; }}
QScrollBar::handle:vertical {{ background: {line}; border-radius: 3px; min-height: 28px; }}
QScrollBar::handle:vertical:hover {{ background: {faint}; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 2px; }}
QScrollBar::handle:horizontal {{ background: {line}; border-radius: 3px; min-width: 28px; }}
QScrollBar::handle:horizontal:hover {{ background: {faint}; }}
QAbstractScrollArea::corner {{ background: transparent; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QTableView {{ background: transparent; border: 2px solid transparent; border-radius: 8px;
  color: {text}; font-size: {body}px;
  gridline-color: transparent; selection-background-color: {selected}; selection-color: {text};
  outline: none; }}
QTableView:focus {{ border: 2px solid {button}; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{ background: transparent; border: none; color: {quiet};
  font-size: {small}px; font-weight: 500; padding: 4px 6px; }}
QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {track}; }}
QSlider::{slider_past}-page:horizontal {{ height: 4px; border-radius: 2px; background: {button}; }}
QSlider::handle:horizontal {{ width: 12px; height: 12px; margin: -6px 0; border-radius: 8px;
  background: {card}; border: 2px solid {button}; }}
QSlider:focus {{ border: 1px solid {button}; border-radius: 6px; }}
QProgressBar {{ background: {track}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {flame}; border-radius: 3px; }}
QFrame#banner_error {{ background: {bad_on}; border: 1px solid {bad}; border-radius: 8px; }}
QFrame#banner_warning {{ background: {partly_on}; border: 1px solid {partly}; border-radius: 8px; }}
QFrame#banner_question[wide="true"] {{ margin: 14px 24px 0 24px; }}
QFrame#banner_info, QFrame#banner_question {{ background: {selected}; border: 1px solid {line};
  border-radius: 8px; }}
"""


def style_sheet(theme: Theme) -> str:
    tokens = theme.tokens
    values = {name: getattr(tokens, name) for name in type(tokens).__slots__}
    values.pop("name")
    side = "dark" if tokens.dark else "light"
    mirrored = right_to_left()  # a style sheet names left and right, not where reading begins
    return _SHEET.format(
        **values,
        chevron=_path(f"icons/chevron-{side}.svg"),
        check=_path(f"icons/check-{side}.svg"),
        body=theme.px(BODY),
        small=theme.px(QUIET),
        axis=theme.px(AXIS),
        title=theme.px(TITLE),
        page=theme.px(24),
        nav_edge="left" if mirrored else "right",
        slider_past="add" if mirrored else "sub",
    )


def _path(name: str) -> str:
    """A shipped file as a style sheet names it (forward slashes everywhere)."""
    return str(asset(name)).replace("\\", "/")
