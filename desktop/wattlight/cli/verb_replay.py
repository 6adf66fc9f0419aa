"""``wattlight replay``: a recorded trace through the meter."""

import argparse
from pathlib import Path

from wattlight.domain.cost import By
from wattlight.i18n import tr, trn
from wattlight.paths import text_lines
from wattlight.services.metering import TraceProblem, read_trace, replay
from wattlight.services.pricing import read_tariff_file

from .output import Call
from .verb_cost import cost_document, gap_documents, print_cost

MAX_TRACE_BYTES = 500_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "trace",
        metavar="TRACE.csv",
        help="columns time_utc,device,power_w,counter_mj,model,tokens; - for standard input",
    )
    parser.add_argument("--tariff", metavar="FILE", help="tariff file; without one there is no money")
    parser.add_argument(
        "--by",
        choices=[By.MODEL.value, By.DEVICE.value, By.DAY.value, By.HOUR.value],
        default=By.MODEL.value,
        help="what a line of the answer is (default: model)",
    )


def run(args: argparse.Namespace, call: Call) -> None:
    """Replay a trace into a ledger of its own and print what it amounts to."""
    tariff = None if args.tariff is None else read_tariff_file(args.tariff)
    with text_lines(Path(args.trace), MAX_TRACE_BYTES, TraceProblem) as lines:
        trace = read_trace(lines)
    result = replay(trace, tariff, By(args.by))
    if call.as_json:
        call.out.document({**cost_document(result.report), "gaps": gap_documents(result.gaps)})
        return
    print_cost(call.out, result.report)
    if result.gaps:
        call.out.line()
        call.out.line(trn("{count} gap, not billed:", "{count} gaps, not billed:", len(result.gaps)))
        for gap in gap_documents(result.gaps):
            call.out.line(
                tr(
                    "{device}  {start} to {end}  {reason}",
                    device=gap["device"],
                    start=gap["from"],
                    end=gap["to"],
                    reason=gap["reason"],
                )
            )
