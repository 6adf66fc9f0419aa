"""Sentences for people go through ``tr``: those of every error family, reasons where they are made, and
whatever the two faces and the services say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "desktop" / "wattlight"

REASONS = {"reason", "message", "messages", "power_reason", "utilization_reason"}
"""Arguments that hold a sentence for a person wherever they are given."""

CODES = {"no powercap", "no package zone", "needs a second reading", "the counter stands still"}
"""Reasons that are codes: the faces have a sentence for each."""

FACES = ("ui", "viewmodels", "cli", "services", "i18n")
"""Rooms where every literal of two words and more is looked at."""

SHOWN = ("ui", "viewmodels", "i18n")
"""Rooms without commands and keys of notices: a single word beside a value is looked at too."""

WORDS = re.compile(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}")
WORD_BESIDE_A_VALUE = re.compile(r"\0 \(?[a-z]{3,}|[a-z]{3,} \(?\0")

NOT_SAID = {
    *("tr", "trn", "marked"),
    *("debug", "info", "warning", "error", "exception"),  # the log is English
    *("compile", "match", "fullmatch", "search", "sub"),
    *("pick", "lazy_door", "_or_none"),  # names of fields, with spaces between
    *("ArgumentTypeError", "CliVerb", "add_argument", "add_argument_group", "add_parser", "split"),
}
"""Calls whose arguments nobody reads, or reads in English: the help of the options is one reference for all,
like CLI.md; what a verb is for, and argparse's own words, are translated."""

PLAIN = {
    "cli/breakeven_inputs.py": ("tariff file",),
    "cli/carbon.py": ("average, not marginal",),
    "cli/doctor_hardware.py": (
        "sudo usermod -aG render ",
        "sudo gpasswd -d ",
        "needs a second reading",
    ),
    "cli/hardware_power.py": ("not charging",),
    "cli/output.py": (
        "low mid high basis confi",
        "nobody reads",
        " has no place in a docum",
    ),
    "cli/verb_breakeven.py": (
        "offline use",
        "Privacy and offline use ",
        "tariff file",
    ),
    "cli/verb_hosts.py": ("  wattlight hosts add",),
    "cli/verb_completion.py": (
        "wattlight models --quiet",
        "more about a verb",
        "# bash completion of wat",
        "\n    esac\n    if [[ $cur",
        "#compdef wattlight\n# zsh",
        "\n    )\n    local -i plac",
        "; else _describe verb ve",
        '\n    esac\n}\nif [ "$funcs',
        "# fish completion of wat",
        "; and not ",
    ),
    "cli/verb_cost.py": ("not enough data yet",),
    "cli/verb_doctor.py": ('msg="server config"',),
    "cli/fit_answer.py": (
        "weights_bytes kv_bytes c",
        "verdict layers_total lay",
    ),
    "cli/verb_benchmark.py": ("cache_tokens first_token",),
    "cli/verb_compare.py": ("tokens tokens_per_s firs",),
    "cli/verb_hardware.py": (
        "whole apu package",
        "gpu board",
        "gpu only",
        "gpu rail",
        "gpu package",
    ),
    "cli/verb_mcp.py": ("Facts about this compute",),
    "cli/verb_plug.py": ("  wattlight plug test 19",),
    "cli/verb_tariff.py": ("a tariff file (prices wi",),
    "services/far_meter/serving.py": ("meter served", "wattlight-far-meter asker"),
    "services/far_meter/sources.py": ("Accept: text/plain",),
    "services/benchmark/side_by_side.py": ("Say hello.",),
    "services/benchmark/timing.py": ("Write a long story about",),
    "services/connecting.py": (
        "pip install ",
        "llm llm-ollama",
        "chromadb ollama",
        "pymilvus milvus-lite oll",
        "Why is the sky blue?",
        "Authorization: Bearer ",
    ),
    "services/learning.py": ("driver, by process",),
    "services/models/pulls.py": (
        "pulling manifest",
        "waiting for the server",
    ),
    "services/price_feeds.py": (
        "aWATTar DE",
        "aWATTar AT",
        "Octopus Agile",
    ),
    "services/server_variables.py": ("server config",),
    "services/publishing/figures.py": ("",),  # names of figures: English on every wire
    "services/publishing/home_assistant.py": ("",),
    "services/publishing/prometheus.py": ("404 Not Found",),
    "services/server_settings.py": (
        "# Written by Wattlight (",
        "systemctl --user daemon-",
        "systemctl --user restart",
        " | systemctl --user edit",
        "sudo mkdir -p ",
        " | sudo tee ",
        "sudo systemctl daemon-re",
        "launchctl setenv ",
        "launchctl unsetenv ",
        "reg delete HKCU\\Environm",
        "ollama serve",
    ),
    "ui/page_privacy.py": ("Python ", "scale ", "\0, desktop "),  # the report: English
    "ui/single.py": ("show \0",),
    "ui/theme.py": ("\nQWidget#root {{ backgro",),
    "viewmodels/activity.py": ("task \0",),
    "viewmodels/chart.py": ("no reading",),
    "viewmodels/diagnostics.py": ("",),  # English, for those who mend it
    "viewmodels/models.py": ("pull \0",),
    "viewmodels/plug.py": ("Home Assistant",),
    "viewmodels/pulls.py": ("pull \0",),
    "viewmodels/side_by_side.py": ("Explain in two sentences",),
}
"""File -> how its literals begin that are not translated: commands, fields, codes, names, scripts."""

TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(SOURCE.rglob("*.py"))}


def named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def families() -> set[str]:
    """``Problem`` and all that derive from it, by name."""
    found = {"Problem"}
    classes = [node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while more := {
        c.name for c in classes if c.name not in found and found.intersection(map(named, c.bases))
    }:
        found |= more
    return found


def constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What the names of a file stand for that are written in capitals."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.upper() == target.id
    }


def bare(node: ast.expr) -> Iterator[str]:
    """The sentences in an expression that no call of ``tr`` encloses."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if " " in node.value and node.value not in CODES:
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if any(word.isalpha() and len(word) > 1 for word in words.split()):
            yield words
    elif isinstance(node, ast.IfExp):
        yield from [*bare(node.body), *bare(node.orelse)]
    elif isinstance(node, ast.BoolOp | ast.Tuple):
        for part in node.values if isinstance(node, ast.BoolOp) else node.elts:
            yield from bare(part)
    elif isinstance(node, ast.BinOp):
        yield from [*bare(node.left), *bare(node.right)]


def untranslated(tree: ast.Module, problems: set[str]) -> Iterator[tuple[int, str]]:
    known = constants(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            sentences = [keyword.value for keyword in call.keywords if keyword.arg in REASONS]
            if named(call.func) in problems:
                sentences += call.args[:2]
            for said in sentences:
                sentence = known.get(said.id, said) if isinstance(said, ast.Name) else said
                yield from ((call.lineno, text) for text in bare(sentence))


def test_every_sentence_can_be_translated() -> None:
    problems = families()
    found = [
        f"{file.relative_to(SOURCE)}:{line}: {text}"
        for file, tree in TREES.items()
        for line, text in untranslated(tree, problems)
    ]
    assert not found, "\n".join(found)


def test_the_search_sees_families_and_all_forms_of_a_sentence() -> None:
    problems = families()
    assert {"Problem", "LedgerFull", "BadModelFile", "MachineFileProblem"} <= problems
    code = (
        "raise LedgerFull(f'{name} is full.', 'Free some ' + 'space.')\n"
        "Memory(reason=None if ok else why or 'the system does not say')\n"
        "Problem(tr('The file {name} is bad.', name=name), code='bad file')\n"
        "_FORM = 'It needs a first line.'\nraise Problem(tr('No line.'), _FORM)\n"
    )
    assert [line for line, _ in untranslated(ast.parse(code), problems)] == [1, 1, 2, 5]


def literals(node: ast.AST, shown: bool = True) -> Iterator[tuple[int, str]]:
    """The texts in a piece of code that somebody may read and no call of ``NOT_SAID`` encloses."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call) and named(node.func) in NOT_SAID:
        return
    if isinstance(node, ast.keyword) and node.arg in {"help", "epilog", "description"}:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORDS.search(node.value):
        yield node.lineno, node.value
    if shown and isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        text = "".join(map(str, parts))
        if WORD_BESIDE_A_VALUE.search(text) and not WORDS.search(text):
            yield node.lineno, text
    for child in ast.iter_child_nodes(node):
        yield from literals(child, shown)


def test_what_faces_and_services_say_can_be_translated() -> None:
    found = []
    for file, tree in TREES.items():
        name = file.relative_to(SOURCE).as_posix()
        if (room := name.split("/")[0]) in FACES:
            for line, text in literals(tree, room in SHOWN):
                if not text.startswith(PLAIN.get(name, (chr(0),))):
                    found.append(f"{name}:{line}: {text[:80]}")
    assert found == []


def test_the_search_sees_a_literal_wherever_it_stands() -> None:
    code = (
        "label.setText('Two words')\nlabel.setText(tr('Two words'))\nx = f'{n} models are here'\n"
        "log.info('Two words')\n'a docstring of words'\nview = View(('one', 'No model yet'))\n"
        "x = f'{n} models'\nx = tr('{n} models', n=f'{n} W')\n"
    )
    assert [line for line, _ in literals(ast.parse(code))] == [1, 3, 6, 7]
    assert list(literals(ast.parse("parser.add_argument('x', help='a name of it')"))) == []


def test_a_text_is_a_literal_where_it_is_marked() -> None:
    """What ``tr`` is given must be seen by who gathers the texts: a literal, or a name."""
    faults = []
    for file, tree in TREES.items():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and named(call.func) in {"tr", "trn", "marked"} and call.args:
                first = call.args[: 2 if named(call.func) == "trn" else 1]
                if any(isinstance(text, ast.JoinedStr | ast.BinOp) for text in first):
                    faults.append(f"{file.relative_to(SOURCE)}:{call.lineno}")
    assert faults == []
