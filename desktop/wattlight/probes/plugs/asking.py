"""One question to a plug or what stands for it: everything it may take has a limit."""

import base64
import hashlib
import json
import os
import re
import secrets
import shlex
import subprocess
import tempfile
import time
from decimal import Decimal, InvalidOperation
from typing import IO, Any

from wattlight.domain.plug import PlugProblem
from wattlight.domain.values import clean_text
from wattlight.i18n import tr
from wattlight.system import NO_WINDOW, clean_environment
from wattlight.web import Answer, FaultKind, Limits, Wire, WireFault, split_url

LIMITS = Limits(connect_s=2.0, idle_s=2.0, total_s=4.0, body_bytes=64 << 10, line_bytes=64 << 10)
COMMAND_S = 4.0
_MOST = Decimal(10) ** 15
_DIGEST = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class PlugHost:
    """Questions to one address, with what it may be told of a name and a password."""

    def __init__(self, address: str, user: str = "", secret: str | None = None) -> None:
        """``address`` is a host or an http address.

        Raises:
            PlugProblem: it is no address, or a password is in it.
        """
        try:
            self.endpoint, self.path = split_url(address if "://" in address else f"http://{address}")
        except WireFault as fault:
            raise PlugProblem(
                tr("'{address}' is not the address of a plug.", address=clean_text(address, 80)),
                tr("Write it like 192.168.1.40, without a name or password in it."),
                "bad_address",
            ) from fault
        self.user, self.secret = user, secret

    @property
    def host(self) -> str:
        return self.endpoint.host

    def get(self, path: str, *headers: str, form: bytes | None = None) -> bytes:
        """The body of a good answer (with ``form`` of a POST); where it asks for a digest, it gets one.

        Raises:
            PlugProblem: there is none.
        """
        answer = self._ask(path, headers, form)
        challenge = answer.header("WWW-Authenticate")
        if answer.status == 401 and self.secret is not None and challenge.lower().startswith("digest"):
            answer.close()
            answer = self._ask(path, (*headers, self._digest(path, challenge)), form)
        with answer:
            if answer.status != 200:
                raise self.refusal(answer.status)
            try:
                return answer.body()
            except WireFault as fault:
                raise self._fault(fault) from fault

    def json(self, path: str, *headers: str, form: bytes | None = None) -> Any:
        """The document of a good answer; its numbers are decimals.

        Raises:
            PlugProblem: there is none.
        """
        return document(self.get(path, *headers, form=form), self.host)

    def bearer(self) -> str:
        """The header with the token.

        Raises:
            PlugProblem: there is none, or the way is neither encrypted nor within the home.
        """
        return f"Authorization: Bearer {self._carried()}"

    def basic(self) -> str:
        """The header with name and password. Raises as :meth:`bearer`."""
        pair = f"{self.user or 'admin'}:{self._carried()}"
        return "Authorization: Basic " + base64.b64encode(pair.encode()).decode("ascii")

    def _carried(self) -> str:
        if not self.secret:
            raise PlugProblem(
                tr("{host} wants a password or token.", host=self.host),
                tr("Give it in Settings."),
                "no_secret",
            )
        if not (self.endpoint.is_private or self.endpoint.is_at_home):
            raise PlugProblem(
                tr("{host} is not in your home network, and the way there is not encrypted.", host=self.host),
                tr("Give an address that begins with https."),
            )
        if not self.secret.isascii() or not self.secret.isprintable():
            raise PlugProblem(tr("The token has characters that none has."), tr("Copy it again."))
        return self.secret

    def _ask(self, path: str, headers: tuple[str, ...], form: bytes | None) -> Answer:
        kind = ("Content-Type: application/x-www-form-urlencoded",) if form is not None else ()
        method = "GET" if form is None else "POST"
        try:
            return Wire(self.endpoint).ask(method, path, form, LIMITS, headers=(*headers, *kind))
        except WireFault as fault:
            raise self._fault(fault) from fault

    def _digest(self, path: str, challenge: str) -> str:
        """RFC 7616 with ``qop=auth`` and SHA-256, as Shelly's second generation wants it."""
        asked = {key.lower(): quoted or bare for key, quoted, bare in _DIGEST.findall(challenge)}
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        odd = '"' in f"{realm}{nonce}{self.user}" or not self.user.isprintable()
        if asked.get("algorithm", "").upper() != "SHA-256" or odd:
            raise self.refusal(401)

        def hashed(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        user, ours = self.user or "admin", secrets.token_hex(8)
        who, what = hashed(f"{user}:{realm}:{self.secret}"), hashed(f"GET:{path}")
        response = hashed(f"{who}:{nonce}:00000001:{ours}:auth:{what}")
        return (
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{path}", '
            f'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="{ours}", response="{response}"'
        )

    def refusal(self, status: int) -> PlugProblem:
        """The sentence for an answer that is none."""
        if status in {401, 403}:
            return PlugProblem(
                tr("{host} refuses: the name, password or token is wrong or missing.", host=self.host),
                tr("Give it in Settings."),
                "refused",
            )
        if status == 404:
            return PlugProblem(
                tr("{host} has no such reading.", host=self.host),
                tr("Check the kind of plug and what is to be read of it."),
                "not_there",
            )
        return PlugProblem(
            tr("{host} answers with status {status}.", host=self.host, status=status),
            tr("Check the address and the kind of plug."),
        )

    def _fault(self, fault: WireFault) -> PlugProblem:
        silent = {FaultKind.REFUSED, FaultKind.UNREACHABLE, FaultKind.SILENT, FaultKind.CUT}
        if fault.kind in silent:
            return PlugProblem(
                tr("The plug at {host} does not answer.", host=self.host),
                tr("Check that it has power and that the address is right."),
                "silent",
            )
        return strange(self.host)


def strange(host: str) -> PlugProblem:
    """The sentence for an answer that no plug of that kind gives."""
    return PlugProblem(
        tr("What {host} answers is not what such a plug says.", host=clean_text(host, 80)),
        tr("Check the address and the kind of plug."),
        "strange",
    )


def document(body: bytes, host: str) -> Any:
    """The JSON of an answer, with decimals for its numbers."""
    try:
        return json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise strange(host) from error


def field(node: Any, path: str) -> Any:
    """What lies at a path like ``a.b.0.c`` (or ``a/b/0/c``); None where there is nothing."""
    for name in re.split(r"[./]", path) if path else ():
        if isinstance(node, list) and name.isdecimal() and len(name) < 6:
            node = node[int(name)] if int(name) < len(node) else None
        elif isinstance(node, dict):
            node = node.get(name)
        else:
            return None
    return node


def number(value: object) -> Decimal | None:
    """A number, or a text of one; None for anything else, and for what is no size."""
    if isinstance(value, str) and len(value) < 40:
        try:
            value = Decimal(value.strip())
        except InvalidOperation:
            return None
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value) >= _MOST:
        return None
    return value


def output_of(command: str) -> bytes:
    """What a program says, run without a shell; its time and its output have a limit.

    Raises:
        PlugProblem: it cannot be run, fails, takes too long or says too much.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _command_problem(tr("The command cannot be understood: a quote is left open.")) from error
    if not words:
        raise _command_problem(tr("No command is given."))
    name = clean_text(words[0], 60)
    try:
        with tempfile.TemporaryFile() as said:
            code = _finished(words, said)
            said.seek(0)
            output = said.read(LIMITS.body_bytes + 1)
    except OSError as error:
        reason = error.strerror
        raise _command_problem(tr("{name} cannot be run ({reason}).", name=name, reason=reason)) from error
    if len(output) > LIMITS.body_bytes:
        raise _command_problem(tr("{name} says too much.", name=name))
    if code is None:
        raise _command_problem(tr("{name} takes longer than {s} s.", name=name, s=round(COMMAND_S)))
    if code:
        raise _command_problem(tr("{name} ends with code {n}.", name=name, n=code))
    return output


def _finished(words: list[str], said: IO[bytes]) -> int | None:
    """Run a program until it ends; its code, None where it was ended for its time or what it wrote."""
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.DEVNULL,
        env=clean_environment(os.environ),
        creationflags=NO_WINDOW,
        start_new_session=True,
    ) as running:
        end = time.monotonic() + COMMAND_S
        while running.poll() is None:
            if time.monotonic() >= end or os.fstat(said.fileno()).st_size > LIMITS.body_bytes:
                running.kill()
                return None
            time.sleep(0.02)
        return running.returncode


def _command_problem(message: str) -> PlugProblem:
    return PlugProblem(message, tr("Try it in a terminal, and correct it in Settings."), "command")
