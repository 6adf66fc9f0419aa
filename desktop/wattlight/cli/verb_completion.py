"""``wattlight completion``: what bash, zsh or fish needs to complete verbs, options, files and models."""

import argparse
from dataclasses import dataclass

from wattlight.i18n import tr

from .main import VERBS, verb_parser
from .output import Call

_MODELS = "wattlight models --quiet 2>/dev/null"


@dataclass(frozen=True, slots=True)
class _Words:
    """What may follow a verb: options with their help, words after an option, and whether a model or file."""

    options: dict[str, str]
    values: dict[str, tuple[str, ...]]
    names: tuple[str, ...]
    wants_model: bool
    wants_file: bool


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=sorted(_SCRIPTS), help="bash, zsh or fish")
    parser.epilog = tr(
        "bash: wattlight completion bash > ~/.local/share/bash-completion/completions/wattlight   "
        'zsh: wattlight completion zsh > "${fpath[1]}/_wattlight"   '
        "fish: wattlight completion fish > ~/.config/fish/completions/wattlight.fish"
    )


def run(args: argparse.Namespace, call: Call) -> None:
    script = _SCRIPTS[args.shell](_verbs())
    if call.as_json:
        call.out.document({"shell": args.shell, "script": script})
    else:
        call.out.write(script)


def _verbs() -> dict[str, tuple[str, _Words]]:
    found = {verb.name: (verb.summary, _words(verb_parser(verb))) for verb in VERBS}
    found["help"] = ("more about a verb", _Words({}, {}, tuple(found), False, False))
    return found


def _words(parser: argparse.ArgumentParser) -> _Words:
    options: dict[str, str] = {}
    values: dict[str, tuple[str, ...]] = {}
    names: tuple[str, ...] = ()
    places = ""
    for action in parser._actions:
        choices = tuple(str(choice) for choice in action.choices or ())
        for option in (text for text in action.option_strings if text.startswith("--")):
            options[option] = (
                "" if action.help == argparse.SUPPRESS else (action.help or "").replace("%%", "%")
            )
            if action.nargs != 0:
                values[option] = choices or _kind(str(action.metavar))
        if action.option_strings:
            continue
        places += f" {action.metavar or action.dest}"
        names += choices
        for nested in (action.choices or {}).values() if isinstance(action.choices, dict) else ():
            inner = _words(nested)
            options, values = options | inner.options, values | inner.values
            places += " FILE" if inner.wants_file else ""
    return _Words(options, values, names, "MODEL" in places, "FILE" in places or "TRACE" in places)


_BEFORE_THE_VERB = "--json --quiet --help --version"


def _kind(metavar: str) -> tuple[str, ...]:
    return ("FILE",) if "FILE" in metavar else ("MODEL",) if metavar == "MODEL" else ()


def _bash(verbs: dict[str, tuple[str, _Words]]) -> str:
    cases = []
    for name, (_, words) in verbs.items():
        after = [
            f"            {option}) {_bash_reply(kinds)}; return ;;" for option, kinds in words.values.items()
        ]
        lines = [f"    {name})"]
        if after:
            lines += ['        case "$prev" in', *after, "        esac"]
        offered = " ".join((*words.names, *words.options))
        models = f" $({_MODELS})" if words.wants_model else ""
        files = " -f" if words.wants_file and not words.names else ""
        lines += [f'        COMPREPLY=($(compgen{files} -W "{offered}{models}" -- "$cur")) ;;']
        cases += lines
    body = "\n".join(cases)
    return f"""# bash completion of wattlight
_wattlight() {{
    local cur prev verb word
    COMPREPLY=()
    # a model name has a colon, at which bash would split it
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local words cword
        _get_comp_words_by_ref -n : cur prev words cword
    else
        cur="${{COMP_WORDS[COMP_CWORD]}}"
        prev="${{COMP_WORDS[COMP_CWORD-1]}}"
        if [[ $prev == : && $COMP_CWORD -gt 1 ]]; then
            cur="${{COMP_WORDS[COMP_CWORD-2]}}:$cur"
        elif [[ $cur == : ]]; then
            cur="$prev:"
        fi
    fi
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$word" in -*) ;; *) verb="$word"; break ;; esac
    done
    case "$verb" in
    "")
        COMPREPLY=($(compgen -W "{" ".join(verbs)} {_BEFORE_THE_VERB}" -- "$cur")) ;;
{body}
    esac
    if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
        COMPREPLY=("${{COMPREPLY[@]#"${{cur%"${{cur##*:}}"}}"}}")
    fi
}}
complete -o default -F _wattlight wattlight
"""


def _bash_reply(kinds: tuple[str, ...]) -> str:
    if kinds == ("FILE",):
        return 'COMPREPLY=($(compgen -f -- "$cur"))'
    offered = f"$({_MODELS})" if kinds == ("MODEL",) else " ".join(kinds)
    return f'COMPREPLY=($(compgen -W "{offered}" -- "$cur"))'


def _zsh(verbs: dict[str, tuple[str, _Words]]) -> str:
    described = "\n".join(f"        {_quoted(f'{name}:{text}')}" for name, (text, _) in verbs.items())
    cases = []
    for name, (_, words) in verbs.items():
        specs = [
            _quoted(f"{option}[{_zsh_text(text)}]" + _zsh_value(words.values.get(option)))
            for option, text in words.options.items()
        ]
        if words.names:
            specs.append(_quoted(f"1:word:({' '.join(words.names)})"))
        if words.wants_file:
            specs.append(_quoted("*:file:_files"))
        if words.wants_model:
            specs.append(_quoted("*:model:_wattlight_models"))
        cases.append(f"    {name}) _arguments {' '.join(specs)} ;;")
    body = "\n".join(cases)
    return f"""#compdef wattlight
# zsh completion of wattlight
_wattlight_models() {{
    local -a models
    models=("${{(@f)$({_MODELS})}}")
    compadd -a models
}}
_wattlight() {{
    local -a verbs
    verbs=(
{described}
    )
    local -i place=2
    while (( place < CURRENT )) && [[ $words[place] == -* ]]; do (( place++ )); done
    if (( place == CURRENT )); then
        if [[ $PREFIX == -* ]]; then compadd -- {_BEFORE_THE_VERB}; else _describe verb verbs; fi
        return
    fi
    local verb=$words[place]
    shift $(( place - 1 )) words
    (( CURRENT -= place - 1 ))
    case $verb in
{body}
    esac
}}
if [ "$funcstack[1]" = "_wattlight" ]; then
    _wattlight "$@"
else
    compdef _wattlight wattlight
fi
"""


def _zsh_text(text: str) -> str:
    return text.replace("[", "(").replace("]", ")")


def _zsh_value(kinds: tuple[str, ...] | None) -> str:
    if kinds is None:
        return ""
    return {("FILE",): ":file:_files", ("MODEL",): ":model:_wattlight_models", (): ":value:"}.get(
        kinds, f":value:({' '.join(kinds)})"
    )


def _fish(verbs: dict[str, tuple[str, _Words]]) -> str:
    lines = ["# fish completion of wattlight", "complete -c wattlight -f"]
    for option in _BEFORE_THE_VERB.split():
        lines.append(f"complete -c wattlight -n __fish_use_subcommand -l {option.removeprefix('--')}")
    for name, (text, _) in verbs.items():
        lines.append(f"complete -c wattlight -n __fish_use_subcommand -a {name} -d {_quoted(text)}")
    for name, (_, words) in verbs.items():
        when = f"complete -c wattlight -n '__fish_seen_subcommand_from {name}'"
        for option, text in words.options.items():
            kinds = words.values.get(option)
            value = "" if kinds is None else " -r -F" if kinds == ("FILE",) else " -x"
            if kinds == ("MODEL",):
                value += f" -a '({_MODELS})'"
            elif kinds and kinds != ("FILE",):
                value += f" -a {_quoted(' '.join(kinds))}"
            lines.append(f"{when} -l {option.removeprefix('--')}{value} -d {_quoted(text)}")
        if words.names:
            names = " ".join(words.names)
            verb, chosen = f"__fish_seen_subcommand_from {name}", f"__fish_seen_subcommand_from {names}"
            lines.append(f"complete -c wattlight -n '{verb}; and not {chosen}' -a {_quoted(names)}")
            when = f"complete -c wattlight -n '{verb}; and {chosen}'"
        if words.wants_model:
            lines.append(f"{when} -a '({_MODELS})'")
        if words.wants_file:
            lines.append(f"{when} -F")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
