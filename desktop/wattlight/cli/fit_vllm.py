"""``wattlight fit --engine vllm``: whether a server of vLLM starts with a model, and for how many at once."""

from argparse import Namespace
from pathlib import Path

from wattlight.catalog.safetensors import read_model_folder
from wattlight.domain.servers import VLLM_UTILIZATION
from wattlight.domain.values import Device, MachineProfile, Problem, clean_text
from wattlight.domain.vllm import EngineModel, EnginePlan, Outlook, plan
from wattlight.i18n import gib, number, percent, tr, trn

from .options import machine_of
from .output import Call, Document, pick

CACHE_BYTES = {None: 2, "f16": 2, "bf16": 2, "fp8": 1}
_OURS = {
    "kv_type", "parallel", "batch", "flash_attention", "gpu_layers", "draft", "projector", "others", "spread",
}  # fmt: skip


def run_vllm(args: Namespace, call: Call) -> None:
    """Say whether it starts; "it does not" is an answer too."""
    if args.kv_type not in CACHE_BYTES:
        raise Problem(
            tr("vLLM keeps no cache of the kind {kind}.", kind=args.kv_type),
            tr("Choose one of {names}.", names="f16, fp8"),
            "bad_input",
        )
    for name in _OURS - {"kv_type"}:
        given = getattr(args, name)
        if given is not None and given is not False and given != []:
            option = "--with" if name == "others" else f"--{name.replace('_', '-')}"
            raise Problem(
                tr("{option} is not an option of vLLM.", option=option), tr("Leave it out."), "bad_input"
            )
    gpus, utilization = args.gpus or 1, args.utilization or VLLM_UTILIZATION
    machine = machine_of(args, call)
    model = read_model_folder(Path(args.model).expanduser())
    card = _card(machine, gpus)
    if not model.divides(gpus):
        fine = [n for n in (1, 2, 4, 8, 16) if model.divides(n)]
        raise Problem(
            tr("vLLM cannot divide this model among {n} GPUs.", n=number(gpus)),
            tr("Its heads can be divided among {numbers}.", numbers=", ".join(map(number, fine))),
            "bad_input",
        )
    made = plan(model, card, gpus, args.context, utilization, CACHE_BYTES[args.kv_type])
    if call.as_json:
        call.out.document(_document(args, machine, model, made, utilization))
        return
    call.out.line(_headline(args.model, machine, made))
    if call.out.quiet:
        return
    call.out.line()
    call.out.table(_rows(made, utilization), headed=False)
    call.out.line()
    for text in _reasons(model, made):
        call.out.line(f"- {text}")


def _card(machine: MachineProfile, gpus: int) -> Device:
    """The smallest of the largest ``gpus`` cards: each gets an equal part."""
    cards = [d for d in machine.devices if d.backend in {"cuda", "rocm"} and d.memory_total_bytes]
    cards.sort(key=lambda d: d.memory_total_bytes or 0, reverse=True)
    if len(cards) < gpus:
        raise Problem(
            tr(
                "vLLM needs NVIDIA or AMD GPUs; it can use {n} of {machine}.",
                n=number(len(cards)),
                machine=machine.name,
            ),
            tr("Ask with fewer --gpus, or for another computer with --machine FILE."),
            "bad_input",
        )
    return cards[gpus - 1]


def _headline(name: str, machine: MachineProfile, made: EnginePlan) -> str:
    words = {
        Outlook.STARTS: tr("starts, with {n} of {context} tokens at once"),
        Outlook.PERHAPS: tr("may start, with {n} of {context} tokens at once"),
        Outlook.NO: tr("does not start with a context of {context} tokens"),
    }[made.outlook]
    low, high = (int(n) for n in made.requests)
    many = number(low) if low == high else tr("{low} to {high}", low=number(low), high=number(high))
    requests = trn("{range} request", "{range} requests", high, range=many)
    said = words.format(n=requests, context=number(made.context))
    where = tr("{machine}, vLLM", machine=machine.name)
    return tr("{model} on {machine}: {verdict}", model=clean_text(name), machine=where, verdict=said)


def _rows(made: EnginePlan, share: float) -> list[tuple[str, ...]]:
    card = clean_text(made.card.name, 40)
    each = card if made.gpus == 1 else tr("each of {n} × {card}", n=number(made.gpus), card=card)
    longest = [number(n) for n in made.largest_context]
    return [
        (tr("On"), each),
        (
            tr("Given to vLLM"),
            tr(
                "{part} of {whole} ({share})",
                part=gib(made.given_bytes),
                whole=gib(made.card.memory_total_bytes),
                share=percent(share),
            ),
        ),
        (tr("Weights"), gib(made.weights_bytes, 2)),
        (tr("Buffers and graphs"), _between(made.rest_bytes)),
        (tr("Left for the cache"), _between(made.cache_bytes)),
        (
            tr("Cache of a request"),
            tr("{size} for {n} tokens", size=gib(made.request_bytes, 2), n=number(made.context)),
        ),
        (
            tr("Largest context"),
            longest[0]
            if longest[0] == longest[1]
            else tr("{low} to {high} tokens", low=longest[0], high=longest[1]),
        ),
    ]


def _between(sizes: tuple[int, int]) -> str:
    low, high = (gib(size, 1) for size in sizes)
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def _reasons(model: EngineModel, made: EnginePlan) -> list[str]:
    said = [
        tr(
            "Weights and cache follow from the model's own files; buffers are a range from public logs of "
            "starts. The server's log tells the exact figures when it starts."
        )
    ]
    if made.context > model.context_trained:
        said.append(
            tr(
                "The model was trained for {n} tokens; vLLM refuses more unless it is told to.",
                n=number(model.context_trained),
            )
        )
    if made.busy_bytes:
        said.append(
            tr(
                "{size} more must become free on each GPU first: where less than its share is, vLLM refuses "
                "to start.",
                size=gib(made.busy_bytes),
            )
        )
    if model.sees:
        said.append(
            tr("It sees images: for them vLLM may keep many GiB more; --limit-mm-per-prompt lowers that.")
        )
    if any(layer.window is not None for layer in model.layers):
        said.append(tr("Some of its layers look back a window only; vLLM may keep somewhat more for them."))
    return said


def _document(
    args: Namespace, machine: MachineProfile, model: EngineModel, made: EnginePlan, utilization: float
) -> Document:
    def pair(values: tuple[float, float], digits: int = 0) -> Document:
        low, high = (round(value, digits) if digits else int(value) for value in values)
        return {"low": low, "high": high}

    return {
        "engine": "vllm",
        "model": clean_text(args.model),
        "machine": machine.name,
        "architecture": model.architecture,
        "outlook": made.outlook.value,
        "device": clean_text(made.card.name),
        "utilization": utilization,
        **pick(made, "gpus given_bytes weights_bytes context request_bytes busy_bytes"),
        "context_trained": model.context_trained,
        "buffers_bytes": pair(made.rest_bytes),
        "cache_bytes": pair(made.cache_bytes),
        "requests_at_once": pair(made.requests, 2),
        "largest_context": pair(made.largest_context),
        "confidence": "low",
        "reasons": _reasons(model, made),
    }
