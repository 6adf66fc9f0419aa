"""``wattlight fit``: what a model will take, and whether it fits."""

import argparse
from dataclasses import replace

from wattlight.domain.fit import KV_TYPES, FitOptions, PreparedModel, explain, fit, largest_context, prepare
from wattlight.domain.speed import prompt_tokens_per_second, tokens_per_second
from wattlight.domain.values import MachineProfile, Problem
from wattlight.viewmodels.fit import reason_sentence

from .call import Call
from .fit_document import Answer, Unloaded, fit_document
from .fit_text import print_fit
from .machine_option import add_machine_option, read_machine_file
from .whole_number import whole

MAX_CONTEXT = 1 << 24
MAX_PARALLEL = 1024
MAX_BATCH = 1 << 16
MAX_LAYERS = 1 << 16
SHOWN_TYPES = ("f16", "q8_0", "q4_0")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("model", metavar="MODEL", help="name of a model, or path of a .gguf file")
    parser.add_argument(
        "--context",
        type=whole(1, MAX_CONTEXT),
        metavar="N",
        help="context in tokens (default: the server's for this computer)",
    )
    parser.add_argument(
        "--kv-type",
        choices=list(KV_TYPES),
        metavar="T",
        help=f"type of the KV cache: {', '.join(KV_TYPES)} (default: the server's setting)",
    )
    parser.add_argument(
        "--parallel",
        type=whole(1, MAX_PARALLEL),
        metavar="N",
        help="slots (default: the server's)",
    )
    parser.add_argument(
        "--batch",
        type=whole(1, MAX_BATCH),
        metavar="N",
        help="batch (default: what the server chooses)",
    )
    parser.add_argument(
        "--flash-attention",
        choices=["auto", "on", "off"],
        help="default: the server's setting",
    )
    parser.add_argument(
        "--gpu-layers",
        type=whole(0, MAX_LAYERS),
        metavar="N",
        help="layers on accelerators (default: as many as fit); 0 is the processor alone",
    )
    parser.add_argument("--spread", action="store_true", help="use all accelerators even where one would do")
    add_machine_option(parser)


def run(args: argparse.Namespace, call: Call) -> int:
    """Say how the model fits this computer or the one in a file; "it does not" is an answer too."""
    machine = read_machine_file(args.machine) if args.machine else call.workshop.machine_profile()
    found = call.workshop.shape_finder().find(args.model)
    options = FitOptions(
        context=args.context,
        kv_type=args.kv_type,
        parallel=args.parallel,
        batch=args.batch,
        flash_attention=args.flash_attention,
        gpu_layers=args.gpu_layers,
        spread=args.spread,
    )
    model = prepare(found.shape)
    result = fit(model, machine, options)
    kinds = dict.fromkeys((*SHOWN_TYPES, result.kv_type))
    answer = Answer(
        model=args.model,
        machine=machine,
        found=found,
        prepared=model,
        result=result,
        unloaded=_with_models_unloaded(args, call, model, machine, options),
        largest={kind: largest_context(model, machine, replace(options, kv_type=kind)) for kind in kinds},
        speed=tokens_per_second(model, result, machine),
        prompt_speed=prompt_tokens_per_second(model, result, machine),
        reasons=tuple(reason_sentence(reason) for reason in explain(model, machine, result, options)),
    )
    if call.as_json:
        call.out.document(fit_document(answer))
    else:
        print_fit(call.out, answer)
    return 0


def _with_models_unloaded(
    args: argparse.Namespace, call: Call, model: PreparedModel, machine: MachineProfile, options: FitOptions
) -> Unloaded | None:
    """The same question for this computer without the models that are loaded now.

    None for another computer, without a server, without a loaded model, and where several accelerators make
    it unknown which one would get free.
    """
    if args.machine or len(machine.devices) != 1:
        return None
    try:
        running = call.workshop.server().running()
    except Problem:
        return None
    held = sum(item.size_vram_bytes for item in running)
    if not held:
        return None
    freed = replace(options, unloaded=((machine.devices[0].id, held),))
    return Unloaded(tuple(item.name for item in running), fit(model, machine, freed))
