"""What each kind of block computes; which operations it has follows from the names of its tensors."""

from functools import lru_cache

from .block_parts import (
    Kind,
    attention,
    dense,
    experts,
    forward,
    gated_delta,
    kda,
    mamba1,
    mamba2,
    project,
    read_state,
    router,
)
from .program import Program

STREAM_FIRST = frozenset(("lfm2", "lfm2moe"))
"""They add to the residual stream in its place."""
PARALLEL = frozenset(("command-r", "cohere2", "cohere2moe", "falcon", "gptneox", "phi2", "plamo", "stablelm"))
"""Attention and feed-forward part read the same norm."""
SCALED = ("gemma", "granite", "minicpm")
"""Their token rows are scaled; so begin the names."""
FOUR_STREAMS = "gemma3n"
ROWS_AT_THE_END = frozenset(
    (
        "gemma4",
        "cohere2moe",
        "nemotron_h",
        "nemotron_h_moe",
        "qwen3next",
        "qwen35",
        "qwen35moe",
        "gpt-oss",
        "step35",
    )
)
"""The last block is worked out for all rows."""


@lru_cache(maxsize=1024)
def program_of(kind: Kind) -> Program:
    """The operations of a block of ``kind``."""
    p = Program()
    if kind.kept:
        _arrives(p, kind)
    if kind.beside == "made" and "inp_gate" not in kind.parts:
        p.new("beside", "beside", "x")
        p.alias("x", "beside")
    if kind.beside and kind.beside != "given back":
        p.pin("beside")
    if not kind.attends or not kind.windowed:
        p.pin("in:s")
    if not kind.attends or kind.windowed:
        p.pin("in:m")
    if kind.name == FOUR_STREAMS:
        _gemma3n(p, kind)
    elif "attn_output_norm" in kind.parts or "layer_output_norm" in kind.parts:
        _encoder(p, kind)
    elif kind.name in {"nemotron_h", "nemotron_h_moe"}:
        _one_part(p, kind)
    else:
        _block(p, kind)
    _ends(p, kind)
    return p


def _ends(p: Program, kind: Kind) -> None:
    """What follows the block: logits, or what the next one needs."""
    if kind.beside and "inp_gate" not in kind.parts:
        p.same("x", "e", "x", "~beside")
    if kind.logits:
        p.norm("x", "x")
        p.new("logits", "logits", "x")
    if kind.next_state == "read":
        p.read_early("sr", kind.next_elsewhere)
    elif kind.next_state:
        p.pin("early")


def _arrives(p: Program, kind: Kind) -> None:
    """What comes from another device stays; token rows that are scaled are there twice."""
    p.pin("x")
    if kind.first and kind.name == FOUR_STREAMS:
        p.pin("beside")
    elif kind.first and kind.name.startswith(SCALED):
        if kind.beside and "inp_gate" in kind.parts:
            p.pin("beside")
            p.new("beside", "beside", "beside")
        p.new("x", "e", "x")
        p.alias("x0", "x")


def _block(p: Program, kind: Kind) -> None:
    """Attention or state, then the feed-forward part, each added to the residual stream."""
    parts = kind.parts
    if kind.recurrent and kind.attends:
        p.norm("n", "x", w="attn_norm")
        attention(p, kind, "n", projects=False)
        mamba2(p, kind, "n2")
        p.same("y", "e", "y", "~r")
    elif kind.recurrent:
        _recurrent(p, kind)
    else:
        n = _normed(p, kind, "attn_norm")
        parallel = kind.name in PARALLEL
        attention(p, kind, n, projects=not parallel)
        if parallel:
            forward(p, kind, n)
            p.same("d", "e", "d", "x")
            project(p, kind, kind.rotate_v)
            p.same("x", "e", "d", "y")
            return
    if kind.last and kind.name not in ROWS_AT_THE_END:
        if not kind.every_row:
            return
        p.new("y", "e", "y")
        p.new("x", "e", "x")
    post = "post_attention_norm" in parts and ("ffn_norm" in parts or "post_ffw_norm" in parts)
    if post:
        p.norm("y", "y", w="post_attention_norm")
    if kind.name in STREAM_FIRST:
        p.same("x", "e", "x", "y")
    else:
        made = kind.attends or (kind.scaled and "ssm_in" in parts)
        p.same("x", "e", "y" if made else "~y", "x")
    if any(part.startswith("ffn_") for part in parts):
        _forward_part(p, kind, "ffn_norm" if post else "post_attention_norm")
    if "inp_gate" in parts:
        _per_layer_input(p, kind, "x")
        p.same("x", "e", "x", "g")
    if "layer_output_scale" in parts:
        p.same("x", "e", "x", w="layer_output_scale")


def _normed(p: Program, kind: Kind, *norms: str) -> str:
    """The stream, normed by the first of ``norms`` that the block has."""
    for norm in norms:
        if norm in kind.parts:
            p.norm("n", "x", w=norm)
            return "n"
    return "x"


def _forward_part(p: Program, kind: Kind, else_norm: str) -> None:
    if "pre_ffw_norm_2" in kind.parts:
        _gemma4_mixture(p, kind)
    else:
        forward(p, kind, _normed(p, kind, "ffn_norm", else_norm))
    if "post_ffw_norm" in kind.parts:
        p.norm("d", "d", w="post_ffw_norm")
    if kind.name in STREAM_FIRST or kind.name == "phi3":
        p.same("x", "e", "x", "d")
    else:
        p.same("x", "e", "d", "x")


def _gemma4_mixture(p: Program, kind: Kind) -> None:
    p.norm("r", "x")
    p.same("r", "e", "r", w="ffn_gate_inp.scale")
    router(p, kind, "r")
    p.norm("n", "x", w="pre_ffw_norm_2")
    experts(p, kind, "n")
    p.norm("n", "x", w="ffn_norm")
    dense(p, kind, "n", "", "z")
    p.norm("z", "z", w="post_ffw_norm_1")
    p.norm("d", "d", w="post_ffw_norm_2")
    p.same("d", "e", "z", "d")


def _per_layer_input(p: Program, kind: Kind, source: str) -> None:
    """The block's own slice of the per-layer inputs, which the first block works out for all of them."""
    p.new("g", "pl1", source, w="inp_gate")
    if kind.first:
        p.new("pp", "pl", "x0", w="per_layer_model_proj")
        p.norm("pp", "~pp", "pl", w="per_layer_proj_norm")
        p.same("pp", "pl", "pp", "beside")
        p.new("pl", "pl", "~pp")
        p.pin("pl")
    p.same("g", "pl1", "g")
    p.new("g", "e", "g", w="proj")
    p.norm("g", "g", w="post_norm")


def _one_part(p: Program, kind: Kind) -> None:
    """Blocks of one part each: attention, state space or feed-forward."""
    if kind.recurrent:
        mamba2(p, kind, "n")
        p.same("x", "e", "~r", "x")
        return
    p.norm("n", "x", w="attn_norm")
    if kind.attends:
        attention(p, kind, "n")
        p.same("x", "e", "y", "x")
        return
    forward(p, kind, "n")
    p.same("x", "e", "d", "x")


def _recurrent(p: Program, kind: Kind) -> None:
    parts = kind.parts
    if "shortconv.in_proj" in parts:
        read_state(p, kind)
        p.norm("n", "x", w="attn_norm")
        p.new("i", "3e", "~n", w="shortconv.in_proj")
        p.new("b", "e", "~i", "~i'")
        p.new("c", "cx", "~sr", "~b")
        p.listed()
        p.new("c", "e", "c", w="shortconv.conv")
        p.same("c", "e", "~i", "c")
        p.new("y", "e", "c", w="shortconv.out_proj")
    elif "ssm_in" in parts and "ssm_x" not in parts:
        mamba2(p, kind, "n")
        if kind.scaled:
            p.new("y", "e", "~r")
        else:
            p.alias("y", "r")
    elif "ssm_in" in parts:
        mamba1(p, kind)
    elif "ssm_f_a" in parts:
        kda(p, kind)
    elif "ssm_conv1d" in parts:
        gated_delta(p, kind)
    else:
        p.norm("n", "x", w="attn_norm")
        p.new("y", "e", "n", w="attn_output")


def _encoder(p: Program, kind: Kind) -> None:
    """A block of an encoder with its norms behind the parts."""
    attention(p, kind, "x")
    p.same("x", "e", "y", "x")
    p.norm("x", "x", w="attn_output_norm")
    forward(p, kind, "x")
    p.same("x", "e", "d", "x")
    p.norm("x", "x", w="layer_output_norm")


def _gemma3n(p: Program, kind: Kind) -> None:
    """Four streams beside each other; the first is worked on and then spread over the others."""
    if kind.kept:
        p.alias("xp", "x")
        p.new("m", "e", "x", w="altup_router_norm")
    else:
        if kind.first:
            _four_streams(p)
        p.new("xp", "4e", "~x")
        p.norm("m", "~x", w="altup_router_norm")
    p.new("m", "four", "m", w="altup_router")
    p.new("co", "16", "m", w="altup_predict_coef")
    p.new("pr", "4e", "xp", "~co")
    p.new("pr", "4e", "~pr")
    p.same("pr", "4e", "pr", "x")
    p.norm("n", "~pr", w="attn_norm")
    attention(p, kind, "n")
    p.norm("y", "y", w="post_attention_norm")
    p.same("y", "e", "y", "~pr")
    p.new("la", "la", "n", w="laurel_l")
    p.new("lr", "e", "la", w="laurel_r")
    p.norm("lr", "lr", w="laurel_post_norm")
    p.same("lr", "e", "lr", "n")
    p.same("y", "e", "y", "lr")
    p.norm("n", "y", w="ffn_norm")
    p.new("h", "f", "n", w="ffn_up")
    p.new("g", "f", "n", w="ffn_gate")
    if kind.sparse:
        p.new("me", "one", "g")
        p.new("sq", "f", "g", "me")
        p.new("ss", "one", "sq")
        p.same("me", "one", "me", "ss")
        p.same("g", "f", "g", "me")
    p.same("h", "f", "h", "g")
    p.new("d", "e", "h", w="ffn_down")
    p.norm("d", "d", w="post_ffw_norm")
    p.same("d", "e", "d", "y")
    p.new("in", "e", "d", "~pr")
    p.new("rp", "4e", "in")
    p.norm("d", "d", w="altup_router_norm")
    p.new("m", "four", "d", w="altup_router")
    p.new("co", "four", "m", w="altup_correct_coef")
    p.new("co", "four", "~co")
    p.same("rp", "4e", "rp", "co")
    p.same("co", "4e", "rp", "pr")
    p.new("g", "e", "~co", w="altup_correct_scale")
    _per_layer_input(p, kind, "g")
    p.new("r3", "3e", "~co", "g")
    p.new("x", "4e", "~co", "r3")


def _four_streams(p: Program) -> None:
    p.new("rp", "3e", "x0")
    p.new("pj", "3e", "rp", w="altup_proj")
    p.new("sq", "e", "x0")
    p.new("ma", "one", "sq")
    p.new("st", "3e", "pj", "ma")
    p.same("pj", "3e", "pj")
    p.new("mb", "three", "pj")
    p.same("st", "3e", "st", "mb")
    p.new("x", "4e", "x0", "st")
