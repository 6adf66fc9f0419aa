"""``wattlight fit``: what a model will take, and whether it fits."""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path

from wattlight.domain.fit import (
    KV_TYPES,
    FitOptions,
    PreparedModel,
    explain,
    fit,
    fit_together,
    largest_context,
    without_models,
)
from wattlight.domain.servers import VLLM_UTILIZATION
from wattlight.domain.speed import prompt_tokens_per_second, tokens_per_second, with_draft
from wattlight.domain.values import MachineProfile, Problem
from wattlight.i18n import tr
from wattlight.services.fit_words import reason_sentence

from .fit_answer import FitAnswer, Unloaded, WithOthers, WithoutDraft, fit_document, print_fit
from .options import MAX_CONTEXT, add_machine_option, machine_of, share, whole
from .output import Call

MAX_PARALLEL = 1024
MAX_BATCH = 1 << 16
MAX_LAYERS = 1 << 16
MAX_DRAFT = 64
SHOWN_TYPES = ("f16", "q8_0", "q4_0")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="name of a model, or path of a .gguf file")
    parser.add_argument(
        "--context",
        type=whole(1, MAX_CONTEXT),
        metavar="N",
        help="context in tokens (default: the server's for this computer)",
    )
    parser.add_argument(
        "--kv-type",
        choices=[*KV_TYPES, "fp8"],
        metavar="T",
        help=f"type of the KV cache: {', '.join(KV_TYPES)}, for vllm fp8 too (default: the server's setting)",
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
    parser.add_argument(
        "--draft",
        type=whole(0, MAX_DRAFT),
        metavar="N",
        help="tokens drafted at a time, 0 for no draft (default: the model's draft_num_predict)",
    )
    parser.add_argument(
        "--projector", type=Path, metavar="FILE", help="vision projector of a MODEL that is a file"
    )
    parser.add_argument(
        "--with",
        dest="others",
        metavar="MODEL",
        action="append",
        default=[],
        help="load this one before it: whether they fit together (as often as needed)",
    )
    parser.add_argument(
        "--engine",
        choices=["ollama", "vllm"],
        default="ollama",
        help="vllm: MODEL is the folder of a model in safetensors form",
    )
    parser.add_argument(
        "--gpus", type=whole(1, 64), metavar="N", help="with vllm: divided among N (default: 1)"
    )
    parser.add_argument(
        "--utilization",
        type=share,
        metavar="F",
        help=f"with vllm: the share of each GPU that it takes (default: {VLLM_UTILIZATION})",
    )
    parser.add_argument("--spread", action="store_true", help="use all accelerators even where one would do")
    add_machine_option(parser)


def run(args: argparse.Namespace, call: Call) -> None:
    """Say how the model fits this computer or the one in a file; "it does not" is an answer too."""
    if args.engine == "vllm":
        from .fit_vllm import run_vllm

        run_vllm(args, call)
        return
    for option in ("gpus", "utilization"):
        if getattr(args, option) is not None:
            raise Problem(
                tr("{option} is an option of vLLM.", option=f"--{option}"),
                tr("Add --engine vllm."),
                "bad_input",
            )
    machine = machine_of(args, call)
    found = call.workshop.shape_finder().find(args.model, args.projector)
    options = FitOptions(
        context=args.context,
        kv_type=args.kv_type,
        parallel=args.parallel,
        batch=args.batch,
        flash_attention=args.flash_attention,
        gpu_layers=args.gpu_layers,
        spread=args.spread,
        draft=args.draft,
    )
    model = found.prepared()
    result = fit(model, machine, options)
    speed = tokens_per_second(model, result, machine)
    bare = fit(model, machine, replace(options, draft=0)) if result.draft else None
    kinds = dict.fromkeys((*SHOWN_TYPES, result.kv_type))
    answer = FitAnswer(
        model=args.model,
        machine=machine,
        found=found,
        prepared=model,
        result=result,
        unloaded=_with_models_unloaded(args, call, model, machine, options),
        largest={kind: largest_context(model, machine, replace(options, kv_type=kind)) for kind in kinds},
        speed=speed,
        without_draft=WithoutDraft(bare, with_draft(speed, model, result, bare, machine)) if bare else None,
        prompt_speed=prompt_tokens_per_second(model, result, machine),
        reasons=(
            *(reason_sentence(reason) for reason in explain(model, machine, result, options)),
            *found.notes,
            *machine.notes,
        ),
        beside=_beside(args, call, model, machine, options),
    )
    if call.as_json:
        call.out.document(fit_document(answer))
    else:
        print_fit(call.out, answer)


def _beside(
    args: argparse.Namespace, call: Call, model: PreparedModel, machine: MachineProfile, options: FitOptions
) -> WithOthers | None:
    """The models of ``--with`` loaded before it, on the computer without what is loaded there now.

    ``--context`` is that of the model; the others take what the server would.
    """
    if not args.others:
        return None
    finder = call.workshop.shape_finder()
    others = [finder.find(name, None).prepared() for name in args.others]
    if not args.machine:
        with contextlib.suppress(Problem):
            state = call.workshop.server().state()
            machine = without_models(machine, state)
    plain = FitOptions(kv_type=options.kv_type, flash_attention=options.flash_attention)
    found = fit_together([*others, model], machine, [*[plain] * len(others), options])
    return WithOthers((*args.others, args.model), found)


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
