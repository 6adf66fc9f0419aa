"""Colours, sizes and the type scale; the same names in light, dark and high contrast."""

from dataclasses import dataclass

from PySide6.QtGui import QColor, QPalette

PADDING = 16
GAP = 14

FIGURE_LARGE = 38
FIGURE = 24
TITLE = 15
BODY = 13
QUIET = 12
AXIS = 11


@dataclass(frozen=True, slots=True)
class Tokens:
    """One palette, "#rrggbb" each. ``x_on`` is the ground of a pill whose text is ``x``."""

    name: str
    window: str
    card: str
    line: str
    text: str
    quiet: str
    faint: str
    flame: str
    flame_soft: str
    flame_second: str
    button: str
    button_hover: str
    button_text: str
    hover: str
    selected: str
    cpu: str
    learned: str
    other: str
    track: str
    bar_other: str
    good: str
    good_on: str
    partly: str
    partly_on: str
    plain: str
    plain_on: str
    bad: str
    bad_on: str

    @property
    def dark(self) -> bool:
        return luminance(self.window) < 0.2


LIGHT = Tokens(
    name="light",
    window="#f5f4f1",
    card="#ffffff",
    line="#e4e1dc",
    text="#1d1c1a",
    quiet="#6d6862",
    faint="#6f6a63",
    flame="#e8590c",
    flame_soft="#f0a17a",
    flame_second="#b8860b",
    button="#c2410c",
    button_hover="#a8380a",
    button_text="#ffffff",
    hover="#f1efeb",
    selected="#fff0e4",
    cpu="#3b6fb6",
    learned="#7b5ea7",
    other="#8a847c",
    track="#ebe8e3",
    bar_other="#a8a39c",
    good="#2b7a3d",
    good_on="#e8f4ea",
    partly="#8a5c00",
    partly_on="#fff5d9",
    plain="#5c5f66",
    plain_on="#eeeef0",
    bad="#a61e1e",
    bad_on="#fdeaea",
)

DARK = Tokens(
    name="dark",
    window="#17181a",
    card="#212326",
    line="#34373b",
    text="#eceae6",
    quiet="#a5a19b",
    faint="#95918a",
    flame="#ff922b",
    flame_soft="#a3652a",
    flame_second="#e0c46c",
    button="#ff922b",
    button_hover="#ffa64d",
    button_text="#17181a",
    hover="#2a2d31",
    selected="#3a2a1c",
    cpu="#74a6e8",
    learned="#b79be0",
    other="#8f8b85",
    track="#33363a",
    bar_other="#6b6862",
    good="#7fd18e",
    good_on="#203527",
    partly="#f2c14e",
    partly_on="#3a3118",
    plain="#b8bcc4",
    plain_on="#2d3035",
    bad="#ff8f8f",
    bad_on="#3d2222",
)


def from_palette(palette: QPalette) -> Tokens:
    """High contrast: everything from the system's own palette, verdicts told by their words alone."""
    role = QPalette.ColorRole

    def colour(which: QPalette.ColorRole) -> str:
        return palette.color(which).name()

    text, base, window = colour(role.WindowText), colour(role.Base), colour(role.Window)
    mark = colour(role.Highlight)
    return Tokens(
        name="contrast",
        window=window,
        card=base,
        line=text,
        text=text,
        quiet=text,
        faint=text,
        flame=mark,
        flame_soft=colour(role.Mid),
        flame_second=colour(role.Link),
        button=mark,
        button_hover=mark,
        button_text=colour(role.HighlightedText),
        hover=colour(role.Button),
        selected=colour(role.Button),
        cpu=colour(role.Link),
        learned=colour(role.Link),
        other=text,
        track=window,
        bar_other=colour(role.Mid),
        good=text,
        good_on=base,
        partly=text,
        partly_on=base,
        plain=text,
        plain_on=base,
        bad=text,
        bad_on=base,
    )


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.1, 0 is black and 1 is white."""
    value = QColor(colour)

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(c) for c in (value.redF(), value.greenF(), value.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
