"""The desktop face (Qt Widgets). The door is lazy: the first icon needs nothing but QtWidgets.

Use from the composition root::

    early = early_icon(places, arguments)      # the icon is visible after this; None: another instance lives
    if early is None:
        return 0
    ...                                        # import and build everything else
    face = DesktopUi(app, state, settings, arguments, early, extras)
    code = face.start()                        # runs until quit
"""

from typing import TYPE_CHECKING

from wattlight import lazy_door

if TYPE_CHECKING:
    from .early import EarlyIcon, early_icon
    from .face import DesktopUi
    from .text import last_words
else:
    __getattr__ = lazy_door(
        __name__,
        {
            "early": "EarlyIcon early_icon",
            "face": "DesktopUi",
            "text": "last_words",
        },
    )
