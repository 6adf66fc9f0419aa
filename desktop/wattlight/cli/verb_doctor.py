"""``doctor``: what is missing, and the one step that would add it. Nothing is changed by it."""

import getpass
import os
import time
from argparse import ArgumentParser, Namespace

from wattlight.i18n import tr

from .call import Call
from .doctor_findings import Finding, Level, hardware_findings
from .doctor_program import program_findings
from .verb_hardware import SECOND_LOOK_S


def arguments(parser: ArgumentParser) -> None:
    """The verb has no options of its own."""


def run(args: Namespace, call: Call) -> int:
    """Look at everything and print what was found; 0 also when something is wrong."""
    prober = call.workshop.prober()
    try:
        report = prober.report()
        if prober.has_counters():
            time.sleep(SECOND_LOOK_S)
            report = prober.report()
    finally:
        prober.close()
    user, group = _names()
    findings = [*hardware_findings(report, user, group), *program_findings(call.workshop)]
    if call.as_json:
        call.out.document({"findings": [_document(f) for f in findings], "ok": _ok(findings)})
        return 0
    for line in _lines(findings):
        call.out.line(line)
    return 0


def _ok(findings: list[Finding]) -> bool:
    return not any(finding.level is Level.PROBLEM for finding in findings)


def _document(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "level": finding.level.value,
        "text": finding.text,
        "command": list(finding.command),
        "undo": list(finding.undo),
        "effect": finding.effect or None,
    }


def _lines(findings: list[Finding]) -> list[str]:
    words = {Level.FINE: tr("fine"), Level.NOTE: tr("note"), Level.PROBLEM: tr("PROBLEM")}
    wide = max(len(word) for word in words.values())
    lines = []
    for finding in findings:
        lines.append(f"{words[finding.level]:<{wide}}  {finding.text}")
        pad = " " * (wide + 2)
        if finding.command:
            lines.append(pad + tr("To change that, run yourself:"))
            lines += [f"{pad}    {command}" for command in finding.command]
            lines.append(pad + tr("It {effect}.", effect=finding.effect))
            lines.append(pad + tr("To take it back:"))
            lines += [f"{pad}    {command}" for command in finding.undo]
    lines.append("")
    lines.append(tr("All is well.") if _ok(findings) else tr("Something needs attention: see PROBLEM above."))
    return lines


def _names() -> tuple[str, str]:
    """The user's name and first group, for the commands that are shown."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):
        user = "$USER"
    try:
        import grp

        group = grp.getgrgid(os.getgid()).gr_name
    except (ImportError, KeyError, AttributeError):
        group = user
    return user, group
