"""What a fit says, in words, for both faces."""

from collections.abc import Container

from wattlight.domain.fit import Confidence, Reason, Verdict, about_machine
from wattlight.domain.values import MachineProfile
from wattlight.i18n import gib, joined, number, tr


def reason_sentence(reason: Reason) -> str:
    """One plain sentence; memory in GiB."""
    return _texts()[reason.code].format(**{name: _shown(name, value) for name, value in reason.values})


def machine_sentences(machine: MachineProfile) -> tuple[str, ...]:
    """What holds for every model on ``machine``: devices left out, settings and version of the server."""
    return (*machine.notes, *map(reason_sentence, about_machine(machine)))


def verdict_name(verdict: Verdict) -> str:
    """Where it would run, in two words."""
    return {
        Verdict.FULL_GPU: tr("all on GPU"),
        Verdict.PARTIAL_GPU: tr("partly on GPU"),
        Verdict.CPU: tr("CPU only"),
        Verdict.NO: tr("does not fit"),
    }[verdict]


def _shown(name: str, value: int | str) -> str:
    if isinstance(value, str):
        return value
    return gib(value) if name.endswith("_bytes") else number(value)


def _texts() -> dict[str, str]:
    """Each statement's words; one call of ``tr`` each, which the extractor finds."""
    return {
        "all_on_gpu": tr("Everything fits on {device}: it takes {used_bytes} of {free_bytes} free."),
        "experts_in_ram": tr(
            "{on_gpu} of {layers} layers are on {device}, but the experts of {blocks} blocks stay in RAM "
            "({host_bytes})."
        ),
        "layers_in_ram": tr(
            "{on_gpu} of {layers} layers fit on {device}; {host_bytes} stay in RAM, which is slower."
        ),
        "no_device": tr("No accelerator: it runs on the processor, with {host_bytes} in RAM."),
        "no_usable_device": tr(
            "No accelerator that the server would use: it runs on the processor, with {host_bytes} in RAM."
        ),
        "left_out_integrated": tr(
            "The server leaves {device} out, as it does most graphics of processors, until "
            "OLLAMA_IGPU_ENABLE=1 is set for it."
        ),
        "left_out_integrated_off": tr(
            "The server leaves {device} out, because OLLAMA_IGPU_ENABLE is set to off for it."
        ),
        "left_out_vulkan_off": tr(
            "The server leaves {device} out, because OLLAMA_VULKAN is set to off for it."
        ),
        "left_out_hidden": tr(
            "The server does not see {device}: its setting of visible devices (CUDA_VISIBLE_DEVICES or the "
            "like) leaves it out."
        ),
        "left_out_no_memory": tr("How much memory {device} has is not known, so it is not counted on."),
        "igpu_whole": tr("With OLLAMA_IGPU_ENABLE=1 for the server, all of it runs on the graphics."),
        "igpu_part": tr(
            "With OLLAMA_IGPU_ENABLE=1 for the server, {on_gpu} of {layers} layers run on the graphics."
        ),
        "overhead_reserves_nothing": tr(
            "OLLAMA_GPU_OVERHEAD ({overhead_bytes}) reserves nothing for GGUF models since Ollama 0.30 and "
            "only changes the default context; LLAMA_ARG_FIT_TARGET reserves."
        ),
        "own_engine": tr(
            "The server is {version}: before 0.30 another engine laid models out by rules not modelled here."
        ),
        "older_server": tr(
            "The server is {version}, older than 0.33, with which memory was measured: it may lay models out "
            "differently."
        ),
        "newer_server": tr(
            "The server is {version}, newer than 0.35, the last one whose rules are known: it may lay models "
            "out differently."
        ),
        "mlx_by_default": tr(
            "From 0.40 on Ollama runs this family on Apple silicon with MLX by default: other files and "
            "other memory than these figures, which are of its GGUF build."
        ),
        "stepped_down": tr(
            "The server's default of {before} tokens does not fit here; it then tries {context}, once."
        ),
        "no_layer_fits": tr(
            "Not one layer fits on the accelerator: it runs on the processor, with {host_bytes} in RAM."
        ),
        "needs_flash_attention": tr(
            "A KV cache of type {kv_type} needs flash attention, which is off or not supported here."
        ),
        "device_too_small": tr(
            "The layers asked for need {used_bytes}, but only {free_bytes} are free on the accelerator."
        ),
        "ram_too_full": tr("{host_bytes} of RAM are needed, but only {available_bytes} are available now."),
        "ram_too_small": tr(
            "It needs {needed_bytes} in all, more than this computer can provide ({total_bytes} of memory)."
        ),
        "context_cut": tr(
            "The model was trained for {context} tokens; the server cuts a longer context to that."
        ),
        "context_raised": tr("The server uses at least {context} tokens of context for this model."),
        "reported_differs": tr(
            "It uses {used_bytes} on the accelerator; the server will report {said_bytes}."
        ),
        "projector": tr("The vision part takes {projector_bytes} more on the accelerator."),
        "projector_in_ram": tr("The vision part ({projector_bytes}) is in RAM, and counted there."),
        "unknown_types": tr(
            "Tensors of {types} are not known here: their size follows from the file's layout, and an older "
            "server may refuse the file."
        ),
        "from_catalogue": tr("An estimate from the catalogue, not from the model's header."),
        "rounded_size": tr("Only a rounded size is listed for this tag, so its figures are about right (~)."),
        "stand_in": tr(
            "Its own shape was not found: that of {other} is taken, whose cache may be two thirds off."
        ),
        "unmeasured_architecture": tr(
            "Memory use of architecture {architecture} was never measured; this is derived from its design."
        ),
        "kv_q8_0": tr("With a KV cache of type q8_0, all of it fits at this context length."),
        "shorter_context": tr("With up to {context} tokens of context, all of it fits."),
        "close_programs": tr(
            "Freeing {missing_bytes} on the accelerator would let all of it fit (other programs and "
            "models hold {held_bytes})."
        ),
        "close_programs_ram": tr(
            "Closing programs until {host_bytes} of RAM are available would let it run."
        ),
        "smaller_quantisation": tr(
            "A smaller quantization of at most {room_bytes} (now {weights_bytes}) would fit entirely."
        ),
        "kv_f16": tr("A KV cache of type f16 works without flash attention."),
        **_draft_texts(),
    }


def _draft_texts() -> dict[str, str]:
    return {
        "draft_embedded": tr(
            "With a draft of {length} tokens, made by blocks in its file: {draft_bytes} of this are for it."
        ),
        "draft_separate": tr(
            "With a draft of {length} tokens, made by a file of its own: {draft_bytes} of this are for it."
        ),
        "draft_assistant": tr(
            "With a draft of {length} tokens, made by an assistant model: {draft_bytes} of this are for it."
        ),
        "draft_dflash": tr(
            "With a draft of {length} tokens, made by a DFlash file: {draft_bytes} of this are for it."
        ),
        "draft_shorter": tr(
            "The engine drafts only {drafted} tokens at a time with it, but keeps state for {length}."
        ),
        "draft_uncounted": tr(
            "The engine does not count this kind of draft when it fits layers: its {draft_bytes} come on top."
        ),
        "draft_snapshots": tr(
            "For long prompts it also keeps snapshots in RAM, one for each {tokens} tokens and at most 32, "
            "of up to {each_bytes} each."
        ),
        "state_snapshots": tr(
            "For long prompts the server also keeps snapshots of the model's state in RAM, one for each "
            "{tokens} tokens and at most 32, of {each_bytes} each."
        ),
        "draft_layers": tr(
            "The draft costs {lost} layers on the GPU ({on_gpu} instead of {without}), which may slow it "
            "down more than the draft speeds it up."
        ),
        "draft_experts": tr(
            "The draft moves the experts of {blocks} more blocks to RAM, which may slow it down more than "
            "the draft speeds it up."
        ),
        "draft_idle": tr(
            "Its file holds blocks that could draft; they are not loaded while draft_num_predict is not set."
        ),
        "draft_unmeasured": tr(
            "Memory use of such a draft was never measured here; this is derived from its design."
        ),
        "draft_none": tr("Nothing in this model can draft, so draft_num_predict changes nothing."),
        "draft_crashes": tr(
            "It loads with its draft, but the first request ends the engine, which cannot compute these "
            "draft blocks: set draft_num_predict to 0."
        ),
        "draft_refused": tr(
            "It does not start: the model given as its draft has no blocks that draft. Set draft_num_predict "
            "to 0, or leave DRAFT out of the Modelfile."
        ),
        "draft_too_large": tr(
            "Its draft takes {draft_bytes} beside a model that was fitted without counting it: {used_bytes} "
            "are needed on the accelerator, {free_bytes} are free."
        ),
        "draft_smaller_batch": tr("With num_batch {batch} the draft's buffers are small enough."),
        "without_draft_full_gpu": tr(
            "Without the draft (draft_num_predict 0) it is all on the GPU and takes {used_bytes} there."
        ),
        "without_draft_partial_gpu": tr(
            "Without the draft (draft_num_predict 0) {on_gpu} of {layers} layers are on the GPU, with "
            "{host_bytes} in RAM."
        ),
        "without_draft_cpu": tr(
            "Without the draft (draft_num_predict 0) it runs on the processor, with {host_bytes} in RAM."
        ),
        "without_draft_no": tr("It does not fit without the draft either."),
    }


_MARKS = {"high": "✓", "medium": "≈", "low": "?"}


def speed_mark(confidence: str | None) -> str:
    """How sure a speed is, in one sign; :func:`marks_meaning` has the words."""
    return _MARKS.get(confidence or "", "")


def marks_meaning(shown: Container[str] = frozenset(_MARKS)) -> str:
    """What the marks of the confidences ``shown`` mean; empty for none."""
    words = {"high": tr("from this computer's own runs"), "medium": tr("fairly sure"), "low": tr("rough")}
    marks = [f"{mark} {words[key]}" for key, mark in _MARKS.items() if key in shown]
    return tr("Speeds: {marks}.", marks=joined(marks)) if marks else ""


def together_text(names: tuple[str, ...], room: str, used: int, total: int, missing: int = 0) -> str:
    """How the last of ``names`` stands beside those before it; bytes."""
    *others, last = names
    before = joined(others)
    if room == "fits":
        return tr(
            "{names} fit together: {used} of {total}.",
            names=tr("{some} and {last}", some=before, last=last),
            used=number(used / (1 << 30), 1),
            total=gib(total),
        )
    if not others:
        return tr("{model} does not fit even alone.", model=last)
    text = {
        "partly": tr("{model} does not fit beside {others}: Ollama unloads what it needs room for."),
        "crowded": tr(
            "{model} would fit beside {others}, but Ollama estimates it larger and unloads what it needs "
            "room for."
        ),
    }.get(room, tr("{model} does not fit beside {others}."))
    text = text.format(model=last, others=before)
    return f"{text} {tr('{size} are missing.', size=gib(missing))}" if missing else text


def confidence_name(confidence: Confidence) -> str:
    """How far the memory figures can be trusted, in one word."""
    return {
        Confidence.HIGH: tr("sure"),
        Confidence.MEDIUM: tr("fairly sure"),
        Confidence.LOW: tr("rough"),
    }[confidence]
