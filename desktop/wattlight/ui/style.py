"""The style sheet of our own windows, written from the tokens. The tray menu stays native."""

from wattlight.assets import asset

from .theme import Theme
from .tokens import AXIS, BODY, QUIET, TITLE

_SHEET = """
QWidget#root {{ background: {window}; }}
QWidget#root[small="true"] {{ background: {card}; }}
QFrame#card {{ background: {card}; border: 1px solid {line}; border-radius: 12px; }}
QFrame#nav {{ background: transparent; border: none; border-right: 1px solid {line}; }}
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
QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {button}; }}
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
    """The sheet for the theme in force."""
    tokens = theme.tokens
    values = {name: getattr(tokens, name) for name in type(tokens).__slots__}
    values.pop("name")
    side = "dark" if tokens.dark else "light"
    return _SHEET.format(
        **values,
        chevron=_path(f"icons/chevron-{side}.svg"),
        check=_path(f"icons/check-{side}.svg"),
        body=theme.px(BODY),
        small=theme.px(QUIET),
        axis=theme.px(AXIS),
        title=theme.px(TITLE),
        page=theme.px(24),
    )


def _path(name: str) -> str:
    """A shipped file as a style sheet names it (forward slashes everywhere)."""
    return str(asset(name)).replace("\\", "/")
