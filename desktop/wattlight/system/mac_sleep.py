"""When a Mac goes to sleep and wakes up: NSWorkspace's notifications, through the Objective-C runtime.

Written from Apple's documentation; not tried on a Mac.
"""

import ctypes
from collections.abc import Callable
from typing import Any

_CLASS = b"WattlightSleepObserver"
_GOING, _WOKE = b"NSWorkspaceWillSleepNotification", b"NSWorkspaceDidWakeNotification"
_SIGNATURE = b"v@:@"
_METHOD = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class MacSleep:
    """``going`` and ``woke`` are called on the main thread, whose run loop Qt turns.

    One for the whole run of the program: its class stays known to the runtime.
    """

    def __init__(
        self, going: Callable[[], None], woke: Callable[[], None], load: Callable[[str], Any] = ctypes.CDLL
    ) -> None:
        self._load = load
        self._methods = (_METHOD(lambda *_: going()), _METHOD(lambda *_: woke()))
        self._objc: Any = None
        self._centre: int | None = None
        self._observer: int | None = None

    def start(self) -> bool:
        """Listen from now on; False where the libraries are not there."""
        try:
            self._objc = objc = self._load("/usr/lib/libobjc.A.dylib")
            self._load("/System/Library/Frameworks/AppKit.framework/AppKit")
        except OSError:
            return False
        for name in ("objc_getClass", "sel_registerName", "objc_allocateClassPair", "objc_msgSend"):
            getattr(objc, name).restype = ctypes.c_void_p
        made = objc.objc_getClass(_CLASS) or self._make_class()
        self._observer = self._send(self._send(made, b"alloc"), b"init")
        workspace = self._send(objc.objc_getClass(b"NSWorkspace"), b"sharedWorkspace")
        self._centre = self._send(workspace, b"notificationCenter")
        for notice, selector in ((_GOING, b"going:"), (_WOKE, b"woke:")):
            text = self._send(
                objc.objc_getClass(b"NSString"), b"stringWithUTF8String:", ctypes.c_char_p(notice)
            )
            words = (self._selector(selector), ctypes.c_void_p(text), None)
            self._send(
                self._centre, b"addObserver:selector:name:object:", ctypes.c_void_p(self._observer), *words
            )
        return True

    def stop(self) -> None:
        """Listen no more."""
        if self._centre is not None:
            self._send(self._centre, b"removeObserver:", ctypes.c_void_p(self._observer))
            self._centre = None

    def let_sleep(self) -> None:
        """Nothing is held: macOS waits for what is done in the notification alone."""

    def _make_class(self) -> int:
        objc = self._objc
        parent = ctypes.c_void_p(objc.objc_getClass(b"NSObject"))
        made = objc.objc_allocateClassPair(parent, _CLASS, 0)
        for selector, method in zip((b"going:", b"woke:"), self._methods, strict=True):
            objc.class_addMethod(ctypes.c_void_p(made), self._selector(selector), method, _SIGNATURE)
        objc.objc_registerClassPair(ctypes.c_void_p(made))
        return int(made)

    def _selector(self, name: bytes) -> ctypes.c_void_p:
        return ctypes.c_void_p(self._objc.sel_registerName(name))

    def _send(self, receiver: int | None, selector: bytes, *words: Any) -> int | None:
        """One message; the answer is a pointer."""
        answer = self._objc.objc_msgSend(ctypes.c_void_p(receiver), self._selector(selector), *words)
        return None if answer is None else int(answer)
