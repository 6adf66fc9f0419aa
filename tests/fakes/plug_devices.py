"""Smart plugs at the lowest border: HTTP servers on loopback that answer as their makers document it."""

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

from tests.fakes.scripted_server import Line, ScriptedServer

DATA = Path(__file__).resolve().parents[1] / "data" / "plugs"
PASSWORD = "1example!"
SID = "6d1f5a2c9b7e4301"


def recorded(name: str) -> bytes:
    """An answer of ``tests/data/plugs``."""
    return (DATA / name).read_bytes()


@dataclass
class FakePlug:
    """Answers by path. ``answers`` maps the beginning of a target to (status, body)."""

    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    token: str = ""
    """Asked for as a bearer, where it is set."""
    digest_password: str = ""
    late_s: float = 0.0
    host: str = ""

    def script(self, line: Line) -> None:
        """One request."""
        head, body = line.request()
        if not head:
            return
        self.heads.append(head.decode())
        self.bodies.append(body)
        time.sleep(self.late_s)
        target = self.heads[-1].split(" ")[1]
        status, said, more = self.answer(target, head.decode(), body)
        line.send(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\nConnection: close\r\n{more}\r\n".encode()
            + said
        )

    def answer(self, target: str, head: str, body: bytes) -> tuple[int, bytes, str]:
        """Status, body and further header lines."""
        if self.token and f"Authorization: Bearer {self.token}" not in head:
            return 401, b"401: Unauthorized", ""
        if self.digest_password and target.startswith("/rpc") and not self._digest_is_right(head):
            ask = 'WWW-Authenticate: Digest qop="auth", realm="shellyplusplugs-80646fd1a2b4", '
            return 401, b"", f'{ask}nonce="1764514800", algorithm=SHA-256\r\n'
        for start, (status, said) in self.answers.items():
            if target.startswith(start):
                return status, said, ""
        return 404, b"Not Found", ""

    def _digest_is_right(self, head: str) -> bool:
        found = dict(re.findall(r'(\w+)="?([^",\r]+)"?', head.partition("Authorization: Digest ")[2]))
        if not found:
            return False

        def hashed(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        who = hashed(f"admin:{found['realm']}:{self.digest_password}")
        what = hashed(f"GET:{found['uri']}")
        wanted = hashed(f"{who}:1764514800:{found['nc']}:{found['cnonce']}:auth:{what}")
        return found.get("response") == wanted


@dataclass
class FakeBox(FakePlug):
    """A FRITZ!Box with one plug: challenge, login, readings; ``old`` asks for MD5."""

    old: bool = False
    ain: str = "116300123456"
    milliwatts: bytes = b"71250"
    watt_hours: bytes = b"318520"
    logins: int = 0

    def answer(self, target: str, head: str, body: bytes) -> tuple[int, bytes, str]:
        """The login page or a reading."""
        if target.startswith("/login_sid.lua"):
            if not body:
                page = recorded("fritz_challenge.xml")
                return 200, page.replace(b"2$10000$5A1711$2000$5A1722", b"1234567z") if self.old else page, ""
            given = parse_qs(body.decode())["response"][0]
            self.logins += 1
            known = "1234567z-5051954833bc33b88bb6bae70329847c"
            # the answer to the challenge above in AVM's note on session ids
            right = "5A1722$1798a1672bca7c6463d6b245f82b53703b0f50813401b03e4045a5861e689adb"
            good = given == (known if self.old else right)
            return 200, recorded("fritz_session.xml" if good else "fritz_challenge.xml"), ""
        query = parse_qs(target.partition("?")[2])
        if query.get("sid") != [SID]:
            return 403, b"", ""
        if query.get("ain") != [self.ain]:
            return 200, b"inval\n", ""
        reading = {"getswitchpower": self.milliwatts, "getswitchenergy": self.watt_hours}
        return 200, reading[query["switchcmd"][0]] + b"\n", ""


@contextmanager
def serving(plug: FakePlug) -> Iterator[str]:
    """The plug on loopback; its host and port."""
    with ScriptedServer(plug.script) as server:
        yield f"127.0.0.1:{server.port}"
