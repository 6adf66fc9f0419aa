"""CoreFoundation through ctypes: strings, numbers, arrays, dictionaries to and from Python. macOS only."""

import ctypes
from typing import Any

_CF = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation"
_UTF8 = 0x08000100
_SINT64 = 4
_FLOAT64 = 13

Ref = ctypes.c_void_p


class CoreFoundation:
    """The few calls needed. What a ``copy`` or ``create`` returns must be given to :meth:`release`.

    Raises:
        OSError: from the constructor, anywhere but on macOS.
    """

    def __init__(self) -> None:
        lib: Any = ctypes.CDLL(_CF)
        self._lib = lib
        for name, result, arguments in (
            ("CFStringCreateWithCString", Ref, [Ref, ctypes.c_char_p, ctypes.c_uint32]),
            ("CFStringGetCString", ctypes.c_bool, [Ref, ctypes.c_char_p, ctypes.c_long, ctypes.c_uint32]),
            ("CFNumberGetValue", ctypes.c_bool, [Ref, ctypes.c_long, Ref]),
            ("CFNumberIsFloatType", ctypes.c_bool, [Ref]),
            ("CFBooleanGetValue", ctypes.c_bool, [Ref]),
            ("CFArrayGetCount", ctypes.c_long, [Ref]),
            ("CFArrayGetValueAtIndex", Ref, [Ref, ctypes.c_long]),
            ("CFDictionaryGetCount", ctypes.c_long, [Ref]),
            ("CFDictionaryGetValue", Ref, [Ref, Ref]),
            ("CFDictionaryGetKeysAndValues", None, [Ref, Ref, Ref]),
            ("CFDictionaryCreateMutableCopy", Ref, [Ref, ctypes.c_long, Ref]),
            ("CFGetTypeID", ctypes.c_ulong, [Ref]),
            ("CFRelease", None, [Ref]),
        ):
            function = getattr(lib, name)
            function.restype, function.argtypes = result, arguments
        self._types = {}
        for word in ("String", "Number", "Boolean", "Array", "Dictionary"):
            type_id = getattr(lib, f"CF{word}GetTypeID")
            type_id.restype, type_id.argtypes = ctypes.c_ulong, []
            self._types[type_id()] = word

    def string(self, text: str) -> Any:
        return Ref(self._lib.CFStringCreateWithCString(None, text.encode(), _UTF8))

    def release(self, ref: Any) -> None:
        """Give an object back; None is fine."""
        if ref:
            self._lib.CFRelease(ref)

    def mutable_copy(self, dictionary: Any) -> Any:
        return Ref(self._lib.CFDictionaryCreateMutableCopy(None, 0, dictionary))

    def get(self, dictionary: Any, key: str) -> Any:
        """The value of a key, borrowed; None if it is not there."""
        name = self.string(key)
        try:
            value = self._lib.CFDictionaryGetValue(dictionary, name)
        finally:
            self.release(name)
        return Ref(value) if value else None

    def items(self, array: Any) -> list[Any]:
        count = min(self._lib.CFArrayGetCount(array), 10_000)
        return [Ref(self._lib.CFArrayGetValueAtIndex(array, index)) for index in range(count)]

    def text(self, ref: Any) -> str:
        """The text of a CFString, empty if it is none."""
        if not ref or self._types.get(self._lib.CFGetTypeID(ref)) != "String":
            return ""
        buffer = ctypes.create_string_buffer(512)
        done = self._lib.CFStringGetCString(ref, buffer, len(buffer), _UTF8)
        return buffer.value.decode("utf-8", "replace") if done else ""

    def to_python(self, ref: Any, depth: int = 4) -> Any:
        """Strings, numbers, booleans, lists and dictionaries as Python's own; everything else is None."""
        word = self._types.get(self._lib.CFGetTypeID(ref)) if ref else None
        if word == "String":
            return self.text(ref)
        if word == "Boolean":
            return bool(self._lib.CFBooleanGetValue(ref))
        if word == "Number":
            return self._number(ref)
        if depth == 0 or word is None:
            return None
        if word == "Array":
            return [self.to_python(item, depth - 1) for item in self.items(ref)]
        return self._dictionary(ref, depth)

    def _number(self, ref: Any) -> int | float | None:
        if self._lib.CFNumberIsFloatType(ref):
            real = ctypes.c_double()
            done = self._lib.CFNumberGetValue(ref, _FLOAT64, ctypes.byref(real))
            return real.value if done else None
        whole = ctypes.c_int64()
        done = self._lib.CFNumberGetValue(ref, _SINT64, ctypes.byref(whole))
        return whole.value if done else None

    def _dictionary(self, ref: Any, depth: int) -> dict[str, Any]:
        count = min(self._lib.CFDictionaryGetCount(ref), 10_000)
        keys, values = (ctypes.c_void_p * count)(), (ctypes.c_void_p * count)()
        self._lib.CFDictionaryGetKeysAndValues(ref, keys, values)
        return {
            self.text(Ref(key)): self.to_python(Ref(value), depth - 1)
            for key, value in zip(keys, values, strict=True)
        }


_GIB = 1 << 30
_SMALL_RAM = 36 * _GIB


def working_set_bytes() -> int | None:
    """Metal's own figure; it follows ``iogpu.wired_limit_mb`` at once. None where there is no Metal device.

    CoreGraphics is loaded too: without it the device is nil in plain processes. The message is sent through
    a prototype of its exact signature (the untyped one is wrong on arm64).
    """
    try:
        ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
        metal: Any = ctypes.CDLL("/System/Library/Frameworks/Metal.framework/Metal")
        objc: Any = ctypes.CDLL("/usr/lib/libobjc.A.dylib")
        metal.MTLCreateSystemDefaultDevice.restype = ctypes.c_void_p
        objc.sel_registerName.restype = ctypes.c_void_p
        objc.sel_registerName.argtypes = [ctypes.c_char_p]
        device = metal.MTLCreateSystemDefaultDevice()
        if not device:
            return None
        selector = objc.sel_registerName(b"recommendedMaxWorkingSetSize")
        send = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(("objc_msgSend", objc))
        size = int(send(device, selector))
    except (OSError, AttributeError, ValueError):
        return None
    return size if 0 < size < 1 << 45 else None


def estimated_working_set(ram_bytes: int) -> int:
    """A guess for when Metal does not answer: 0.66 of the memory up to 36 GB, 0.75 above."""
    return int(ram_bytes * (0.66 if ram_bytes <= _SMALL_RAM else 0.75))


_LIBRARY = "/usr/lib/libSystem.dylib"


class Sysctl:
    """Reads kernel values by name.

    Raises:
        OSError: from the constructor, anywhere but on macOS.
    """

    def __init__(self) -> None:
        self._lib: Any = ctypes.CDLL(_LIBRARY)

    def text(self, name: str) -> str | None:
        """A text value, None if there is none."""
        raw = self._raw(name)
        return raw.split(b"\0")[0].decode("utf-8", "replace") if raw else None

    def number(self, name: str) -> int | None:
        """A whole number of 4 or 8 bytes, None if there is none."""
        raw = self._raw(name)
        return int.from_bytes(raw, "little") if raw and len(raw) in {4, 8} else None

    def _raw(self, name: str) -> bytes | None:
        buffer = ctypes.create_string_buffer(1024)
        size = ctypes.c_size_t(len(buffer))
        result = self._lib.sysctlbyname(name.encode(), buffer, ctypes.byref(size), None, ctypes.c_size_t(0))
        return buffer.raw[: size.value] if result == 0 and 0 < size.value <= len(buffer) else None
