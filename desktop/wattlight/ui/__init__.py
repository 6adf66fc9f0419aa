"""The desktop face (Qt Widgets). The door is lazy: the first icon needs nothing but QtWidgets.

Use from the composition root::

    early = early_icon(places, arguments)      # the icon is visible after this; None: another instance lives
    if early is None:
        return 0
    ...                                        # import and build everything else
    face = DesktopUi(app, state, settings, places, arguments, early=early)
    code = face.start()                        # runs until quit
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .early import EarlyIcon, early_icon
    from .face import DesktopUi
    from .text import last_words

__all__ = ["DesktopUi", "EarlyIcon", "early_icon", "last_words"]


def __getattr__(name: str) -> Any:
    if name in {"EarlyIcon", "early_icon"}:
        from . import early

        return getattr(early, name)
    if name == "DesktopUi":
        from .face import DesktopUi

        return DesktopUi
    if name == "last_words":
        from .text import last_words

        return last_words
    raise AttributeError(name)
