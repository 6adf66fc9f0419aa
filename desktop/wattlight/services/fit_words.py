"""What a fit says, in words, for both faces."""

from collections.abc import Callable
from functools import lru_cache

from wattlight.domain.fit import Confidence, Reason, Verdict
from wattlight.i18n import gib, number, tr

Words = dict[str, str]


def reason_sentence(reason: Reason) -> str:
    """One plain sentence; memory in GiB."""
    return _texts()[reason.code]({name: _shown(name, value) for name, value in reason.values})


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


@lru_cache(maxsize=1)
def _texts() -> dict[str, Callable[[Words], str]]:
    """Each statement's words; one call of ``tr`` each, so that every text is found by the extractor."""
    return {
        "all_on_gpu": lambda v: tr(
            "Everything fits on {device}: it takes {used_bytes} of {free_bytes} free.", **v
        ),
        "experts_in_ram": lambda v: tr(
            "{on_gpu} of {layers} layers are on {device}, but the experts of {blocks} blocks stay in RAM "
            "({host_bytes}).",
            **v,
        ),
        "layers_in_ram": lambda v: tr(
            "{on_gpu} of {layers} layers fit on {device}; {host_bytes} stay in RAM, which is slower.",
            **v,
        ),
        "no_device": lambda v: tr("No accelerator: it runs on the processor, with {host_bytes} in RAM.", **v),
        "no_usable_device": lambda v: tr(
            "No accelerator that the server would use: it runs on the processor, with {host_bytes} in RAM.",
            **v,
        ),
        "no_layer_fits": lambda v: tr(
            "Not one layer fits on the accelerator: it runs on the processor, with {host_bytes} in RAM.", **v
        ),
        "needs_flash_attention": lambda v: tr(
            "A KV cache of type {kv_type} needs flash attention, which is off or not supported here.", **v
        ),
        "device_too_small": lambda v: tr(
            "The layers asked for need {used_bytes}, but only {free_bytes} are free on the accelerator.", **v
        ),
        "ram_too_full": lambda v: tr(
            "{host_bytes} of RAM are needed, but only {available_bytes} are available now.", **v
        ),
        "ram_too_small": lambda v: tr(
            "It needs {needed_bytes} in all, more than this computer can provide ({total_bytes} of RAM).", **v
        ),
        "context_cut": lambda v: tr(
            "The model was trained for {context} tokens; the server cuts a longer context to that.", **v
        ),
        "context_raised": lambda v: tr(
            "The server uses at least {context} tokens of context for this model.", **v
        ),
        "reported_differs": lambda v: tr(
            "It uses {used_bytes} on the accelerator; the server will report {said_bytes}.", **v
        ),
        "projector": lambda v: tr("The vision part takes {projector_bytes} more on the accelerator.", **v),
        "from_catalogue": lambda v: tr("An estimate from the catalogue, not from the model's header.", **v),
        "unmeasured_architecture": lambda v: tr(
            "Memory use of architecture {architecture} was never measured; this is derived from its design.",
            **v,
        ),
        "kv_q8_0": lambda v: tr("With a KV cache of type q8_0, all of it fits at this context length.", **v),
        "shorter_context": lambda v: tr("With up to {context} tokens of context, all of it fits.", **v),
        "close_programs": lambda v: tr(
            "Freeing {missing_bytes} on the accelerator would let all of it fit (other programs and "
            "models hold {held_bytes}).",
            **v,
        ),
        "close_programs_ram": lambda v: tr(
            "Closing programs until {host_bytes} of RAM are available would let it run.", **v
        ),
        "smaller_quantisation": lambda v: tr(
            "A smaller quantization of at most {room_bytes} (now {weights_bytes}) would fit entirely.", **v
        ),
        "kv_f16": lambda v: tr("A KV cache of type f16 works without flash attention.", **v),
    }


def confidence_name(confidence: Confidence) -> str:
    """How far the memory figures can be trusted, in one word."""
    return {
        Confidence.HIGH: tr("sure"),
        Confidence.MEDIUM: tr("fairly sure"),
        Confidence.LOW: tr("rough"),
    }[confidence]
