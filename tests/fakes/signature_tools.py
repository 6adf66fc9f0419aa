"""The system's tools that check signatures and open files, as scripts of answers; nothing is ever run."""

import json
from collections.abc import Mapping
from threading import Event

from wattlight.runtime.managed import InstallerTools, Said

OLLAMA_SUBJECT = (
    "CN=Ollama Inc., O=Ollama Inc., L=Toronto, S=Ontario, C=CA, SERIALNUMBER=2713355, "
    "OID.2.5.4.15=Private Organization, OID.1.3.6.1.4.1.311.60.2.1.2=Ontario"
)
TEAM = "3MU9H2V9Y9"


def authenticode(subject: str = OLLAMA_SUBJECT, status: str = "Valid") -> Said:
    """What PowerShell answers."""
    return Said(0, json.dumps({"Status": status, "Subject": subject}) + "\r\n")


def codesign_names(
    team: str = TEAM, authority: str = "Developer ID Application: Infra Technologies, Inc"
) -> Said:
    """What ``codesign -dv`` tells, on its error stream."""
    lines = (
        "Executable=/x/Ollama.dmg",
        "Identifier=ai.ollama.ollama",
        "Format=disk image",
        f"Authority={authority} ({team})",
        "Authority=Developer ID Certification Authority",
        "Authority=Apple Root CA",
        f"TeamIdentifier={team}",
    )
    return Said(0, "", "\n".join(lines) + "\n")


class FakeTools:
    """Answers in the order given (an exception is raised) and keeps what was asked."""

    def __init__(self, *answers: Said | BaseException) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, ...]] = []
        self.environs: list[dict[str, str]] = []
        self.started: list[str] = []

    def run(self, argv: tuple[str, ...], environ: Mapping[str, str], cancel: Event) -> Said:
        """One tool."""
        self.calls.append(argv)
        self.environs.append(dict(environ))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def tools(self) -> InstallerTools:
        """To be given to what is tested."""
        return InstallerTools(self.run, self.started.append)


def good_windows() -> FakeTools:
    """Windows, with Ollama's own installer."""
    return FakeTools(authenticode())


def good_macos() -> FakeTools:
    """macOS, with Ollama's own disk image; the last answer is that of ``open``."""
    return FakeTools(Said(0), codesign_names(), Said(0), Said(0))
