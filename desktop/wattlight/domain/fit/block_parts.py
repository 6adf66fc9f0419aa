"""Parts blocks are made of, in the engine's order; see ``program`` for the notation.

Names of sizes: ``e`` embedding, ``q`` ``k`` ``v`` ``o`` widths of queries, keys, values and of attention's
result, ``f`` feed-forward, ``ue`` ``uf`` the same for all experts used, ``ne`` experts, ``u`` experts used
(``+``: with the operation's working room), ``ch`` channels of a convolution, ``di`` inner width of a
state-space part, ``sr`` ``st`` a slot's states.
"""

from typing import NamedTuple

from .architecture_tables import GATED_DELTA
from .program import ROTATION_TABLE, Program


class Kind(NamedTuple):
    """What a block's list of operations depends on.

    Attributes:
        name: the architecture, for the few that order their work in their own way.
        parts: names of the block's tensors without ``.weight``.
        flash, rotate_k, rotate_v: flash attention; a quantised cache's rotation of heads.
        windowed: its cache looks back over a window; ``writes``: it has a cache of its own.
        slides: the model has windows; keys are then made before values.
        rotary: positions are rotated into queries and keys, perhaps with a table of factors.
        attends, recurrent: which of the two it does.
        first, last: the first block; the last, of which only the outputs' rows are worked out unless
            ``every_row`` is one; ``logits``: they are multiplied with the output matrix.
        brings: its mask and rotations are first read here, and come from RAM; ``mask_ends``: the mask is last
            read here.
        kept: the stream comes from another device and stays.
        early: a block before has read this one's state; ``next_state``: the next one's is "read" here (by
            another device if ``next_elsewhere``) or "kept".
        beside: of the inputs several blocks use, "made", "kept" or "given back" here; "" without any.
    """

    name: str
    parts: frozenset[str]
    flash: bool
    rotate_k: bool
    rotate_v: bool
    windowed: bool
    writes: bool
    slides: bool
    rotary: bool
    rotation_table: bool
    attends: bool
    recurrent: bool
    first: bool
    last: bool
    brings: bool
    brings_positions: bool
    mask_ends: bool
    kept: bool
    early: bool
    next_state: str
    next_elsewhere: bool
    beside: str
    sparse: bool
    scaled: bool
    cached: bool
    flat_norm: bool
    normed_experts: bool
    scaled_experts: bool
    every_row: bool
    logits: bool


def _heads(p: Program, kind: Kind, which: str, source: str, fused: bool) -> None:
    """Queries or keys from ``source``: normed, with positions, rotated for a quantised cache."""
    made, size = "qkv" if fused else source, which
    if not fused:
        p.new(which, which, source, w="attn_" + which)
        if f"attn_{which}.bias" in kind.parts:
            p.same(which, size, which, w=f"attn_{which}.bias")
        made = which
    view = "~" + made
    norm = f"attn_{which}_norm"
    if norm in kind.parts:
        if kind.flat_norm and not fused:
            p.norm(which, which, which, w=norm)
            view = "~" + which
        else:
            p.norm(which, view, size, w=norm)
            view = ""
    if kind.rotary:
        if view:
            p.new(which, size, view, w=_table(kind), fetched=_positions(kind, which))
        else:
            p.same(which, size, which, w=_table(kind), fetched=_positions(kind, which))
        view = ""
    if kind.rotate_k:
        made = made if view and fused and norm not in kind.parts else which
        p.new(which, size, "~" + made, fetched=("in:rk",) if kind.brings and which == "q" else ())


def _positions(kind: Kind, which: str) -> tuple[str, ...]:
    return ("in:p",) if kind.brings_positions and which == "q" else ()


def _table(kind: Kind) -> str:
    return ROTATION_TABLE if kind.rotation_table else ""


def _gated(kind: Kind) -> bool:
    """The queries' matrix makes a gate for attention's result too."""
    return kind.name in GATED_DELTA


def attention(p: Program, kind: Kind, n: str, projects: bool = True) -> None:
    """Attention over the cache; its result is ``a``, projected ``y``."""
    if "attn_kv_a_mqa" in kind.parts:
        _compressed(p, kind, n)
        return
    fused = "attn_qkv" in kind.parts
    if fused:
        p.new("qkv", "qkv", n, w="attn_qkv")
    if _gated(kind):
        _gated_queries(p, kind, n)
    else:
        _heads(p, kind, "q", n, fused)
    if kind.writes:
        order = (_keys, _values) if kind.slides or not kind.cached else (_values, _keys)
        for make in order:
            make(p, kind, n, fused)
        if kind.cached:
            p.store("~k")
            p.store("~v" if not fused or kind.rotate_v else "~qkv")
    _core(p, kind, fused)
    if kind.rotate_v and projects:
        p.new("a", "o", "~a")
    if _gated(kind):
        p.new("g", "q", "~qf")
        p.same("a", "q", "~a", "g")
    elif "attn_gate" in kind.parts:
        p.new("g", "h", n, w="attn_gate")
        p.new("a", "o", "~a", "~g")
    if projects:
        project(p, kind)


def _gated_queries(p: Program, kind: Kind, n: str) -> None:
    p.new("qf", "qf", n, w="attn_q")
    p.norm("q", "~qf", "q", w="attn_q_norm")
    p.same("q", "q", "q", w=_table(kind), fetched=_positions(kind, "q"))
    if kind.rotate_k:
        p.new("q", "q", "~q", fetched=("in:rk",) if kind.brings else ())


def _keys(p: Program, kind: Kind, n: str, fused: bool) -> None:
    _heads(p, kind, "k", n, fused)


def _values(p: Program, kind: Kind, n: str, fused: bool) -> None:
    if not fused:
        own = "attn_v" in kind.parts
        p.new("v", "v", n if own else "~k", w="attn_v" if own else "attn_k")
        if "attn_v.bias" in kind.parts:
            p.same("v", "v", "v", w="attn_v.bias")
        if kind.name in {"gemma4", "gemma3n"}:
            p.norm("v", "~v", "v")
    if kind.rotate_v:
        p.new("v", "v", "~qkv" if fused else "~v", fetched=("in:rv",) if kind.brings else ())


def _core(p: Program, kind: Kind, fused: bool) -> None:
    mask, brings = _mask(p, kind)
    if not kind.cached:
        p.new("kh", "k/2", "~qkv" if fused else "~k")
        p.new("vh", "v/2", "~qkv'" if fused else "~v")
        p.new("a", "o", "~q" if not fused or kind.rotary else "~qkv", "~kh", "~vh")
    elif kind.flash:
        p.new("a", "fs" if kind.windowed else "fa", "~q", mask, fetched=(*_rows(kind), *brings))
    else:
        p.new("s", "scores_s" if kind.windowed else "scores", "~q", fetched=(_rows(kind)[0],))
        p.same("s", "scores_s" if kind.windowed else "scores", "s", mask, fetched=brings)
        p.new("t", "o", "s", fetched=(_rows(kind)[1],))
        p.new("a", "o", "~t")
    p.listed()


def _mask(p: Program, kind: Kind) -> tuple[str, tuple[str, ...]]:
    """The mask read, kept unless this is the last block to read it, and what comes from RAM with it."""
    name = "in:s" if kind.windowed else "in:m"
    if not kind.mask_ends:
        p.pin(name)
    return name, (name,) if kind.brings and not kind.recurrent else ()


def _rows(kind: Kind) -> tuple[str, str]:
    return ("cks", "cvs") if kind.windowed else ("ck", "cv")


def project(p: Program, kind: Kind, rotate: bool = False) -> None:
    if rotate:
        p.new("a", "o", "~a")
    p.new("y", "e", "~a", w="attn_output")
    if "attn_output.bias" in kind.parts:
        p.same("y", "e", "y", w="attn_output.bias")


def _compressed(p: Program, kind: Kind, n: str) -> None:
    """Attention over one compressed row per token."""
    if "attn_q_a" in kind.parts:
        p.new("qa", "qa", n, w="attn_q_a")
        p.norm("qa", "qa", "qa", w="attn_q_a_norm")
        p.new("q", "qm", "qa", w="attn_q_b")
    else:
        p.new("q", "qm", n, w="attn_q")
    if kind.name == "kimi-linear":
        p.new("qn", "qr", "~q", w="attn_k_b")
        p.new("qq", "q", "~qn", "~q")
        p.new("kv", "k", n, w="attn_kv_a_mqa")
        p.norm("c", "~kv", "kr", w="attn_kv_a_norm")
        p.new("k", "k", "~c", "~kv")
    else:
        p.new("qn", "qr", "~q", w="attn_k_b")
        p.new("qp", "qp", "~q", fetched=_positions(kind, "q"))
        p.new("qq", "q", "~qn", "qp")
        p.new("kv", "k", n, w="attn_kv_a_mqa")
        p.norm("c", "~kv", "kr", w="attn_kv_a_norm")
        p.new("kp", "kp", "~kv")
        p.new("k", "k", "~c", "kp")
    p.store("~k")
    mask, brings = _mask(p, kind)
    if kind.flash:
        p.new("a", "fam", "~qq", mask, fetched=("ck", "cv", *brings))
        p.new("b", "o", "~a", w="attn_v_b")
    else:
        p.new("vc", "vc", fetched=("cv",))
        p.new("s", "scores", "~qq", fetched=("ck",))
        p.same("s", "scores", "s", mask, fetched=brings)
        p.new("a", "qr", "vc", "s")
        p.new("b", "o", "a", w="attn_v_b")
    p.new("a", "o", "~b")
    p.new("y", "e", "~a", w="attn_output")


def forward(p: Program, kind: Kind, n: str) -> None:
    """Feed-forward part or mixture from ``n``; its result is ``d``."""
    if "ffn_gate_inp" in kind.parts and any("_exps" in part for part in kind.parts):
        _mixture(p, kind, n)
        if "ffn_up_shexp" in kind.parts:
            dense(p, kind, n, "_shexp", "z")
            if "ffn_gate_inp_shexp" in kind.parts:
                p.new("g", "one", n, w="ffn_gate_inp_shexp")
                p.same("z", "e", "z", "g")
            p.same("d", "e", "d", "z")
        return
    dense(p, kind, n, "", "d")


def dense(p: Program, kind: Kind, n: str, suffix: str, out: str) -> None:
    f = "f" + suffix
    if "ffn_gate" + suffix in kind.parts:
        p.new("g", f, n, w="ffn_gate" + suffix)
        p.new("h", f, n, w="ffn_up" + suffix)
        p.new("h", f, "g", "h")
    elif kind.name in {"phi3", "glm4"} or "ffn_gate_up" + suffix in kind.parts:
        p.new("g", "2" + f, n, w="ffn_up" + suffix)
        p.new("h", f, "g")
    else:
        p.new("h", f, n, w="ffn_up" + suffix)
        for _ in range(1):
            p.same("h", f, "h")
    p.new(out, "e", "h", w="ffn_down" + suffix)


def router(p: Program, kind: Kind, n: str) -> None:
    p.new("l", "ne", n, w="ffn_gate_inp")
    p.same("l", "ne", "l")
    if "exp_probs_b.bias" in kind.parts:
        p.same("b", "ne", "l", w="exp_probs_b.bias")
        p.new("t", "ne+", "b")
    else:
        p.new("t", "ne+", "l")
    p.new("w", "u", "~l", "~t")
    if kind.name == "gpt-oss":
        p.new("w", "u", "~w")
    elif kind.normed_experts:
        p.new("ws", "one", "~w")
        p.new("w", "u", "~w", "~ws")
    if kind.scaled_experts:
        p.new("w", "u", "~w")


def experts(p: Program, kind: Kind, n: str) -> None:
    parts = kind.parts
    if "ffn_gate_up_exps" in parts:
        p.new("g", "2uf+", "~" + n, "~t", w="ffn_gate_up_exps")
        p.new("h", "uf", "~g")
    elif "ffn_gate_exps" in parts:
        p.new("g", "uf+", "~" + n, "~t", w="ffn_gate_exps")
        p.new("h", "uf+", "~" + n, "~t", w="ffn_up_exps")
        p.new("h", "uf", "g", "h")
    else:
        p.new("h", "uf+", "~" + n, "~t", w="ffn_up_exps")
        p.same("h", "uf", "h")
    p.new("m", "ue+", "h", "~t", w="ffn_down_exps")
    if "ffn_down_exps.bias" in parts:
        p.same("m", "ue", "m", "~t", w="ffn_down_exps.bias")
    if "ffn_down_exps.scale" in parts:
        p.new("sc", "ne", w="ffn_down_exps.scale", home="view")
        p.new("sg", "u", "sc", "~t")
        p.same("m", "ue", "m", "sg")
    p.same("m", "ue", "m", "~w")
    p.new("d", "e", "~m", "~m'")
    p.listed()


def _mixture(p: Program, kind: Kind, n: str) -> None:
    router(p, kind, n)
    experts(p, kind, n)


def read_state(p: Program, kind: Kind) -> None:
    if kind.early:
        p.alias("sr", "early")
    else:
        p.new("sr", "sr", home="state")


def mamba2(p: Program, kind: Kind, n: str) -> None:
    """A state-space part; its result is ``r``."""
    both = kind.attends and kind.recurrent
    read_state(p, kind)
    p.norm(n, "x", w="attn_norm")
    p.new("i", "in", "~" + n, w="ssm_in")
    p.new("c", "cx", "~sr", "~i")
    p.listed()
    p.new("c", "ch", "c", w="ssm_conv1d")
    p.same("c", "ch", "c", w="ssm_conv1d.bias")
    p.new("dt", "dt", "~i")
    p.same("dt", "dt", "dt", w="ssm_dt.bias")
    p.new("s", "ys", "~c", "dt", "~c'", "~c''", w="ssm_a", home="small")
    p.listed()
    if both:
        project(p, kind, kind.rotate_v)
    p.new("z", "di", "~i")
    p.new("m", "di", "~c", w="ssm_d")
    p.same("m", "di", "~s:di", "m")
    p.new("h", "di", "z", "m")
    if "ssm_norm" in kind.parts:
        p.norm("h", "~h", "di", w="ssm_norm")
    p.new("r", "e", "~h", w="ssm_out")


def mamba1(p: Program, kind: Kind) -> None:
    p.new("sr", "sr", home="state")
    p.norm("n", "x", w="attn_norm")
    p.new("i", "in", "~n", w="ssm_in")
    p.new("c", "cx", "~sr", "~i")
    p.new("c", "ch", "c", w="ssm_conv1d")
    p.same("c", "ch", "c", w="ssm_conv1d.bias")
    p.new("xd", "dt", "~c", w="ssm_x")
    p.new("dt", "di", "~xd", w="ssm_dt")
    p.new("s", "ys", "~c", "dt", "~xd", w="ssm_a", home="small")
    p.new("m", "di", "~c", w="ssm_d")
    p.same("m", "di", "~s:di", "m")
    p.new("h", "di", "~i", "m")
    p.new("y", "e", "~h", w="ssm_out")


def gated_delta(p: Program, kind: Kind) -> None:
    repeats = "ssm_ba" in kind.parts
    p.norm("n", "x", w="attn_norm")
    p.new("sr", "sr", home="state")
    p.new("i", "ch", "n", w="attn_qkv")
    p.new("c", "cx", "~sr", "~i")
    p.new("st", "st", home="state")
    p.new("c", "ch", "c", w="ssm_conv1d")
    for which in ("q", "k"):
        p.new("l" + which, "dk", "~c")
        if repeats:
            p.new("l" + which, "di", "~l" + which)
    p.new("al", "2dt" if repeats else "dt", "n", w="ssm_ba" if repeats else "ssm_alpha")
    p.new("ga", "dt", "~al", w="ssm_dt.bias")
    p.same("ga", "dt", "ga", w="ssm_a")
    if not repeats:
        p.new("al", "dt", "n", w="ssm_beta")
    p.new("be", "dt", "~al")
    p.new("s", "ys", *(("~lq", "~lk") if repeats else ("lq", "lk")), "~c", "~ga", "be", "~st")
    p.norm("h", "~s", "di", w="ssm_norm")
    p.new("z", "di", "n", w="attn_gate")
    p.new("z", "di", "~z")
    p.same("h", "di", "h", "z")
    p.new("y", "e", "~h", w="ssm_out")


def kda(p: Program, kind: Kind) -> None:
    p.norm("n", "x", w="attn_norm")
    p.new("sr", "sr", home="state")
    for which in ("q", "k", "v"):
        p.new("i", "di", "n", w="attn_" + which)
        p.new("c", "cx", "~sr", "~i")
        p.new(which, "di", "c", w="ssm_conv1d_" + which)
    p.new("y", "e", "~v", "~q", "~k", w="attn_output")
