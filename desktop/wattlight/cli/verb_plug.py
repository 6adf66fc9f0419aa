"""``wattlight plug``: the smart plug that this computer hangs on: try one, use it, let it go."""

import argparse
from dataclasses import replace

from wattlight.domain.plug import Hangs, PlugProblem, plug_name
from wattlight.i18n import tr
from wattlight.services.factory import PLUG_SECRET
from wattlight.services.plugs import PlugFound, try_plug
from wattlight.settings import PlugSettings, save_settings

from .options import asked_secret
from .output import Call, Document, plain

KINDS = ("shelly", "tasmota", "fritz", "homeassistant", "json", "command")
EXAMPLES = """\
  wattlight plug test 192.168.1.40
  wattlight plug set 192.168.1.40 --hangs screen
  wattlight plug set fritz.box --kind fritz --user fritz3333
      --outlet "11630 0123456" --password
  wattlight plug set homeassistant.local --password
      --kind homeassistant --watts sensor.desk_power
      --energy sensor.desk_energy
  wattlight plug set "my-meter --json" --kind command
      --watts now.w --energy total --energy-unit Wh
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "action",
        metavar="ACTION",
        nargs="?",
        default="show",
        choices=("show", "test", "set", "off"),
        help="show what the plug in use says (default), test one, set it, or off",
    )
    parser.add_argument(
        "address", metavar="ADDRESS", nargs="?", default="", help="host or address; of a command its line"
    )
    parser.add_argument(
        "--kind", metavar="K", choices=KINDS, default="shelly", help=f"{', '.join(KINDS)} (default: shelly)"
    )
    parser.add_argument(
        "--hangs",
        metavar="WHAT",
        choices=[hangs.value for hangs in Hangs],
        default=Hangs.COMPUTER.value,
        help="what hangs on it: computer (default), screen (with it), more",
    )
    parser.add_argument("--outlet", metavar="N", default="", help="number of the output, or the AIN (fritz)")
    parser.add_argument("--user", metavar="NAME", default="", help="name for the login")
    parser.add_argument(
        "--password", action="store_true", help="ask for the password or token (or read a line of input)"
    )
    parser.add_argument(
        "--password-file", action="store_true", help="keep it in a file only you can read, not in the keyring"
    )
    parser.add_argument("--watts", metavar="W", default="", help="entity, or path in JSON, of the watts")
    parser.add_argument("--watts-unit", metavar="U", default="W", help="of a path: W (default), kW, mW")
    parser.add_argument("--energy", metavar="E", default="", help="entity, or path in JSON, of the counter")
    parser.add_argument("--energy-unit", metavar="U", default="kWh", help="of a path: kWh (default), Wh, J")


def run(args: argparse.Namespace, call: Call) -> None:
    workshop = call.workshop
    settings = workshop.settings()
    if args.action == "off":
        workshop.keyring().put(PLUG_SECRET, "")
        save_settings(workshop.places.settings_file, replace(settings, plug=PlugSettings()))
        call.answer(_document(PlugSettings()), tr("No plug is asked any more."))
        return
    if args.action == "show":
        if not settings.plug.kind:
            how = tr("Try one: wattlight plug test ADDRESS")
            call.answer(_document(settings.plug), tr("No plug is set."), how)
            return
        found = try_plug(workshop, settings.plug, workshop.keyring().get(PLUG_SECRET))
        call.answer(_document(settings.plug, found), found.sentence)
        return
    plug, secret = _plug_of(args), asked_secret(tr("Password or token: ")) if args.password else None
    found = try_plug(workshop, plug, secret)
    lines = [found.sentence]
    if args.action == "set":
        if secret is not None:
            workshop.keyring().put(PLUG_SECRET, secret, in_file=args.password_file)
        save_settings(workshop.places.settings_file, replace(settings, plug=plug))
        lines.append(tr("It is used from now on: wattlight power. To stop: wattlight plug off"))
    call.answer(_document(plug, found), *lines)


def _plug_of(args: argparse.Namespace) -> PlugSettings:
    if not args.address and args.kind != "fritz":
        raise PlugProblem(
            tr("The address of the plug is missing."), tr("Give it: wattlight plug test ADDRESS"), "use"
        )
    return PlugSettings(
        args.kind,
        args.address,
        args.hangs,
        args.outlet,
        args.user,
        args.watts,
        args.watts_unit,
        args.energy,
        args.energy_unit,
    )


def _document(plug: PlugSettings, found: PlugFound | None = None) -> Document:
    answer = None if found is None else found.answer
    return {
        "plug": plain(plug) if plug.kind else None,
        "name": plug_name(plug.hangs) if plug.kind else None,
        "source": None if found is None else found.source,
        "watts": None if answer is None else plain(answer.watts, 3),
        "energy_mj": None if answer is None else answer.energy_mj,
    }
