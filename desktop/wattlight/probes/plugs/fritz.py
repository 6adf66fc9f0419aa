"""FRITZ!DECT plugs, read through the FRITZ!Box: the login of its web interface and two readings.

The login is AVM's technical note on session ids (version 2): the box gives a challenge, the answer proves
the password without telling it. Boxes since FRITZ!OS 7.24 ask for PBKDF2, older ones for MD5. The readings
are those of AVM's AHA-HTTP interface: ``getswitchpower`` in mW, ``getswitchenergy`` in Wh, both renewed by
the box about every two minutes.
"""

import hashlib
import re
from urllib.parse import urlencode

from wattlight.domain.plug import PlugAnswer, PlugProblem
from wattlight.i18n import tr

from .asking import PlugHost, strange

_LOGIN = "/login_sid.lua?version=2"
_SWITCH = "/webservices/homeautoswitch.lua?"
_NO_SID = "0000000000000000"
_MOST_ROUNDS = 1_000_000
"""A box asks for 10,000 to 60,000 rounds; more would only keep this computer busy."""
_AIN = re.compile(r"[0-9A-Za-z:-]{5,40}")
WH_MJ = 3_600_000


class FritzBox:
    """A plug of a box; the session is kept and begun anew when the box has forgotten it."""

    def __init__(self, asked: PlugHost, ain: str) -> None:
        """``ain`` is the number on the plug; blanks in it do not matter.

        Raises:
            PlugProblem: it cannot be one.
        """
        self._asked, self._ain = asked, ain.replace(" ", "")
        if not _AIN.fullmatch(self._ain):
            raise PlugProblem(
                tr("The number (AIN) of the FRITZ!DECT plug is missing."),
                tr("It is in the box's list of Smart Home devices, like 11630 0123456."),
                "no_ain",
            )
        self._sid = _NO_SID

    @property
    def source(self) -> str:
        return tr("FRITZ!DECT at {host}", host=self._asked.host)

    def read(self) -> PlugAnswer:
        """What the plug draws and has counted.

        Raises:
            PlugProblem: the box does not let in, or the plug is not there.
        """
        power, energy = self._value("getswitchpower"), self._value("getswitchenergy")
        if power is None and energy is None:
            raise PlugProblem(
                tr("The FRITZ!Box says that the plug is not connected."),
                tr("Check that it has power and that its number (AIN) is right."),
            )
        return PlugAnswer(
            None if power is None else power / 1000, None if energy is None else energy * WH_MJ, WH_MJ
        )

    def _value(self, command: str) -> int | None:
        """One reading; None where the box answers ``inval``."""
        for attempt in (1, 2):
            if self._sid == _NO_SID:
                self._sid = self._login()
            query = urlencode({"ain": self._ain, "switchcmd": command, "sid": self._sid})
            try:
                said = self._asked.get(_SWITCH + query).strip()
            except PlugProblem as problem:
                self._sid = _NO_SID
                if problem.code != "refused" or attempt == 2:
                    raise
                continue
            if said in {b"inval", b""}:
                return None
            if not re.fullmatch(rb"-?\d{1,15}", said):
                raise strange(self._asked.host)
            return int(said)
        return None

    def _login(self) -> str:
        secret = self._asked.secret
        if not secret:
            raise PlugProblem(tr("The FRITZ!Box wants a password."), tr("Give it in Settings."), "no_secret")
        page = self._asked.get(_LOGIN)
        challenge = _tag(page, "Challenge")
        if int(_tag(page, "BlockTime") or "0") > 0:
            raise PlugProblem(
                tr("The FRITZ!Box lets nobody in for a while, because a wrong password was given."),
                tr("Correct the password in Settings."),
                "blocked",
            )
        response = response_to(challenge, secret)
        if response is None:
            raise strange(self._asked.host)
        form = urlencode({"username": self._asked.user, "response": response}).encode()
        sid = _tag(self._asked.get(_LOGIN, form=form), "SID")
        if not re.fullmatch(r"[0-9a-f]{16}", sid) or sid == _NO_SID:
            raise self._asked.refusal(403)
        return sid


def response_to(challenge: str, password: str) -> str | None:
    """The answer to a challenge of either form; None where it is neither."""
    if challenge.startswith("2$"):
        try:
            _, rounds_1, salt_1, rounds_2, salt_2 = challenge.split("$")
            counts = int(rounds_1), int(rounds_2)
            salts = bytes.fromhex(salt_1), bytes.fromhex(salt_2)
        except ValueError:
            return None
        if not all(0 < count <= _MOST_ROUNDS for count in counts):
            return None
        first = hashlib.pbkdf2_hmac("sha256", password.encode(), salts[0], counts[0])
        return f"{salt_2}${hashlib.pbkdf2_hmac('sha256', first, salts[1], counts[1]).hex()}"
    if not re.fullmatch(r"[0-9A-Za-z]{4,64}", challenge):
        return None
    known = "".join(letter if ord(letter) < 256 else "." for letter in password)
    text = f"{challenge}-{known}".encode("utf-16-le")
    return f"{challenge}-{hashlib.md5(text, usedforsecurity=False).hexdigest()}"


def _tag(page: bytes, name: str) -> str:
    """The text of a tag of the login page, which is flat XML; "" where it is not there."""
    found = re.search(rf"<{name}>([^<]{{0,200}})</{name}>", page.decode("utf-8", "replace"))
    text = found[1].strip() if found else ""
    return text if name != "BlockTime" or (text.isdecimal() and len(text) < 9) else "0"
