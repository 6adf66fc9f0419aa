"""``wattlight breakeven``: a month at an API against a month on one's own hardware."""

import argparse
from decimal import Decimal, InvalidOperation

from wattlight.domain.breakeven import compare

from .breakeven_document import breakeven_document
from .breakeven_inputs import read_inputs
from .breakeven_text import breakeven_lines
from .call import Call


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    use = parser.add_argument_group("how much is asked")
    use.add_argument("--calls", type=_whole, metavar="N", help="calls a month")
    use.add_argument("--tokens-in", type=_number, metavar="I", help="tokens of a typical question")
    use.add_argument("--tokens-out", type=_number, metavar="O", help="tokens of a typical answer")
    use.add_argument(
        "--cached-share",
        type=_number,
        default=0.0,
        metavar="X",
        help="share of the input that is cached (0 to 1)",
    )
    api = parser.add_argument_group("the API")
    api.add_argument(
        "--api", metavar="ID|MODEL", help="a row of the price list, or a model: its cheapest row is taken"
    )
    api.add_argument("--prices", metavar="FILE", help="own rows (CSV, the columns of the shipped list)")
    api.add_argument("--rate", type=_decimal, metavar="R", help="your currency's units for one of the API's")
    api.add_argument("--rate-date", metavar="DATE", help="the day of that rate (2026-11-24)")
    own = parser.add_argument_group("your own hardware")
    own.add_argument(
        "--model",
        metavar="NAME",
        help="the model it would run: its measured speed and watts are the defaults",
    )
    own.add_argument("--tokens-per-second", type=_number, metavar="S", help="speed of one answer")
    own.add_argument(
        "--prompt-tokens-per-second", type=_number, metavar="S", help="speed of reading a question, if known"
    )
    own.add_argument("--watts", type=_number, metavar="W", help="extra draw while it answers, at the wall")
    own.add_argument("--at-once", type=_number, default=1.0, metavar="N", help="answers worked on together")
    own.add_argument("--parked-watts", type=_number, metavar="W", help="extra draw while only loaded")
    own.add_argument("--parked-hours", type=_number, metavar="H", help="hours a month it is only loaded")
    own.add_argument("--price", metavar="P", help="price of one kWh, like 0.39")
    own.add_argument("--tariff", metavar="FILE", help="tariff file; its average over a week is taken")
    own.add_argument("--currency", metavar="CODE", help="your currency (EUR)")
    own.add_argument(
        "--hardware-price",
        type=_decimal,
        default=Decimal(0),
        metavar="P",
        help="what has to be bought for it",
    )
    own.add_argument(
        "--life-months", type=_whole, default=36, metavar="N", help="how long that lasts (default: 36)"
    )


def run(args: argparse.Namespace, call: Call) -> int:
    """Print the comparison."""
    inputs = read_inputs(args, call.workshop)
    answer = compare(inputs.use, inputs.api, inputs.local, inputs.rate)
    if call.as_json:
        call.out.document(breakeven_document(inputs, answer))
        return 0
    for line in breakeven_lines(inputs, answer):
        call.out.line(line)
    return 0


def _number(text: str) -> float:
    value = float(_decimal(text))
    if not 0 <= value < 1e12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of zero or more")
    return value


def _whole(text: str) -> int:
    value = _decimal(text)
    if value != value.to_integral_value() or not 0 <= value < 10**12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of zero or more")
    return int(value)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number (write 0.9, not 0,9)") from None
    if not value.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return value
