"""``wattlight hosts``: other computers with model servers: list them, add one, remove one, give a key."""

import argparse
from dataclasses import replace

from wattlight.domain.servers import kind_name
from wattlight.domain.state import ServerStatus
from wattlight.domain.values import LOCAL_HOST, Problem
from wattlight.i18n import gib, joined, number, tr
from wattlight.services.far_meter import METER_KINDS, adopt_meter, check_meter
from wattlight.services.hosts import (
    HostLook,
    add_host,
    best_of,
    find_host,
    forget_keys,
    look_at_all,
    memory_bytes,
    new_host,
    require_private,
    with_host,
    without_host,
)
from wattlight.settings import ServerAddress, save_settings
from wattlight.viewmodels.words import DASH, server_trouble

from .options import asked_secret, running_document, typed
from .output import Call, Document

EXAMPLES = """\
  wattlight hosts add gpu-box:11434
  wattlight hosts add https://llm.example.org --name Team --key
  wattlight hosts key Team
  wattlight switch qwen3:8b --host gpu-box
  wattlight hosts meter gpu-box ssh://me@gpu-box --key
  wattlight hosts remove gpu-box
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "action",
        metavar="ACTION",
        nargs="?",
        default="list",
        choices=("list", "add", "remove", "key", "meter", "best"),
        help="list them all (default), add one by its address, remove one, give its key, set its meter, or "
        "tell on which a model runs best",
    )
    parser.add_argument(
        "host", metavar="HOST", nargs="?", default="", help="address of a new one, else name; of best: MODEL"
    )
    parser.add_argument(
        "meter",
        metavar="METER",
        nargs="?",
        default="",
        help="of meter: its address there, https://… or ssh://user@host, or off",
    )
    parser.add_argument(
        "--meter-kind",
        metavar="K",
        choices=METER_KINDS,
        default=METER_KINDS[0],
        help="what the meter is: wattlight (default), prometheus (NVIDIA's DCGM exporter), homeassistant",
    )
    parser.add_argument("--watts", metavar="W", default="", help="entity of the watts (homeassistant)")
    parser.add_argument("--energy", metavar="E", default="", help="entity of the counter (homeassistant)")
    parser.add_argument("--name", metavar="NAME", default="", help="how it is called (default: its address)")
    parser.add_argument(
        "--key", action="store_true", help="ask for the key its server wants (or read a line of input)"
    )
    parser.add_argument(
        "--key-file", action="store_true", help="keep the key in a file only you can read, not in the keyring"
    )
    parser.add_argument(
        "--plain-http",
        action="store_true",
        help="accept http without encryption to an address outside of the home network",
    )


def run(args: argparse.Namespace, call: Call) -> None:
    if args.action != "list" and not args.host:
        raise Problem(
            tr("Which host is missing."),
            tr("Give it: wattlight hosts {action} HOST", action=args.action),
            "use",
        )
    {"list": _list, "add": _add, "remove": _remove, "key": _key, "meter": _meter, "best": _best}[args.action](
        args, call
    )


def _list(_args: argparse.Namespace, call: Call) -> None:
    found = look_at_all(call.workshop, call.workshop.settings().servers)
    document = {"hosts": [host_document(item) for item in found]}
    if call.as_json or call.out.quiet:
        call.answer(document, *(item.address.name for item in found))
        return
    rows = [(tr("NAME"), tr("SERVER"), tr("ADDRESS"), tr("MODELS"), tr("LOADED"), tr("MEMORY"))]
    rows += [_row(item) for item in found]
    call.out.table(rows, {3, 5})
    for item in found:
        for text in _remarks(item):
            call.out.line(f"{item.address.name}: {text}")


def _row(item: HostLook) -> tuple[str, str, str, str, str, str]:
    state = item.state
    if state.status is not ServerStatus.READY:
        return (item.address.name, DASH, item.url, DASH, DASH, DASH)
    server = f"{kind_name(state.kind)} {state.version or ''}".strip()
    none = DASH if state.resident is None else tr("none")
    loaded = joined(model.name for model in state.running) or none
    memory = gib(memory_bytes(state.running)) if state.running else DASH
    return (item.address.name, server, item.url, number(len(state.installed)), loaded, memory)


def _remarks(item: HostLook) -> tuple[str, ...]:
    if item.state.status is ServerStatus.READY:
        return item.warnings
    return (item.state.message or server_trouble(item.state.status, item.state.kind),)


def host_document(item: HostLook) -> Document:
    """One host; lists are empty and figures null where its server did not answer."""
    state = item.state
    ready = state.status is ServerStatus.READY
    return {
        "id": item.address.host,
        "name": item.address.name,
        "url": item.url,
        "here": item.address.host == LOCAL_HOST,
        "status": state.status.value,
        "message": state.message,
        "kind": state.kind.value if ready else None,
        "version": state.version if ready else None,
        "models": len(state.installed) if ready else None,
        "loaded": [running_document(model) for model in state.running] if ready else [],
        "memory_bytes": memory_bytes(state.running) if ready and state.resident is not None else None,
        "has_key": item.address.key,
        "meter": item.address.meter or None,
        "warnings": list(item.warnings),
    }


def _add(args: argparse.Namespace, call: Call) -> None:
    settings = call.workshop.settings()
    with typed():
        address = new_host(args.host, settings, args.name, args.plain_http)
        if args.key:
            require_private(address)
    key = (asked_secret(tr("Key: ")) or "") if args.key else ""
    found = add_host(call.workshop, address, key, args.key_file)
    save_settings(call.workshop.places.settings_file, with_host(settings, found.address))
    _told(call, found, tr("{name} is added.", name=found.address.name))


def _told(call: Call, found: HostLook, said: str) -> None:
    state = found.state
    if state.status is ServerStatus.READY:
        server = f"{kind_name(state.kind)} {state.version or ''}".strip()
        said = tr("{done} There is {server} at {url}.", done=said, server=server, url=found.url)
    call.answer({"hosts": [host_document(found)]}, said, *_remarks(found))


def _remove(args: argparse.Namespace, call: Call) -> None:
    settings = call.workshop.settings()
    address = find_host(args.host, settings)
    left = without_host(settings, address.host)
    forget_keys(call.workshop, address)
    save_settings(call.workshop.places.settings_file, left)
    call.answer({"hosts": []}, tr("{name} is removed. Nothing was changed there.", name=address.name))


def _key(args: argparse.Namespace, call: Call) -> None:
    settings = call.workshop.settings()
    address: ServerAddress = find_host(args.host, settings)
    require_private(address)
    key = asked_secret(tr("Key (nothing: forget it): ")) or ""
    call.workshop.keyring().put(address.secret, key, args.key_file)
    changed = replace(address, key=bool(key))
    save_settings(call.workshop.places.settings_file, with_host(settings, changed))
    found = look_at_all(call.workshop, (changed,))[0]
    _told(call, found, tr("The key is kept.") if key else tr("The key is forgotten."))


def _meter(args: argparse.Namespace, call: Call) -> None:
    settings = call.workshop.settings()
    address = find_host(args.host, settings)
    if not args.meter:
        raise Problem(
            tr("The address of the meter is missing."), tr("Give it: wattlight hosts meter HOST METER"), "use"
        )
    keyring = call.workshop.keyring()
    if args.meter == "off":
        keyring.put(address.meter_secret, "")
        changed = replace(address, meter="", meter_key=False)
        said = tr("The meter of {name} is not asked any more; what was recorded stays.", name=address.name)
    else:
        changed = replace(
            address,
            meter=args.meter,
            meter_kind=args.meter_kind,
            meter_watts=args.watts,
            meter_energy=args.energy,
            meter_key=args.key,
        )
        with typed():
            check_meter(changed, call.workshop.environ, "" if args.key else None)
        token = (asked_secret(tr("Token: ")) or "") if args.key else ""
        changed, found = adopt_meter(call.workshop, changed, token, args.key_file)
        said = tr("The meter of {name} is used from now on: {what}.", name=address.name, what=found)
    save_settings(call.workshop.places.settings_file, with_host(settings, changed))
    call.answer({"hosts": []}, said)


def _best(args: argparse.Namespace, call: Call) -> None:
    best = best_of(call.workshop, args.host, call.workshop.settings())
    call.answer({"hosts": [], "best": {"host": best.host, "sure": best.sure, "text": best.text}}, best.text)
