"""Scripts that complete a command line on Tab, for bash, zsh and fish, made of the command line as it is parsed.

Each knows the commands, the options of each and their values; ids of runs are asked of the program itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from shlex import quote

from tui.grammar import PROG
from tui.spoken import Command, Kind, Option, Values

__all__ = ["SCRIPTS", "bash", "fish", "zsh"]

_BASH = """\
# Completes {prog} in bash; made by: {prog} completions bash
_imgopt_tui() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= kind= words= given= line
    if [[ $word == = ]]; then # of --option=VALUE, which comes as three words
        word=
    elif [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    if (( COMP_CWORD > 1 )); then
        case ${{COMP_WORDS[1]}} in
            {names}) command=${{COMP_WORDS[1]}} ;;
        esac
    fi
    if [[ " ${{COMP_WORDS[*]:1:COMP_CWORD-1}} " == *' -- '* ]]; then
        kind=file
    elif [[ $word == -* ]]; then
        kind=words
        case $command in
            {options}
        esac
    else
        case $command:$before in
            {values}
            *) case $command:$((COMP_CWORD - 2)) in
                {places}
            esac ;;
        esac
    fi
    COMPREPLY=()
    [[ $kind == list && $word == *,* ]] && given=${{word%,*}},
    [[ $kind == run ]] && words+=" $("$1" runs 2> /dev/null | cut -d ' ' -f 1)"
    while IFS= read -r line; do
        [[ -n $line ]] && COMPREPLY+=("$line")
    done < <(compgen -P "$given" -W "$words" -- "${{word#"$given"}}")
    case $kind in
        file) ;; # what complete -o default does where nothing is found
        folder) compopt +o default -o dirnames 2> /dev/null ;;
        first) while IFS= read -r line; do
                COMPREPLY+=("$line")
            done < <(compgen -f -- "$word")
            compopt -o filenames 2> /dev/null ;;
        list) compopt +o default -o nospace 2> /dev/null ;;
        *) compopt +o default 2> /dev/null ;;
    esac
}}
complete -o default -F _imgopt_tui {prog}
"""
_ZSH = """\
#compdef {prog}
# Completes {prog} in zsh; made by: {prog} completions zsh
_imgopt_tui_runs() {{
    local -a runs
    runs=(${{${{(f)"$({prog} runs 2> /dev/null)"}}/  /:}})
    _describe -t runs run runs
}}
_imgopt_tui_first() {{
    local -a commands
    commands=(
        {commands}
    )
    (( CURRENT > 2 )) || _describe -t commands command commands
    _files
}}
_imgopt_tui() {{
    local command=
    if (( CURRENT > 2 )); then
        case $words[2] in
            {names}) command=$words[2]; shift words; (( CURRENT-- )) ;;
        esac
    fi
    case $command in
        {cases}
    esac
}}
if [[ $funcstack[1] == _{prog} ]]; then
    _imgopt_tui "$@"
else
    compdef _imgopt_tui {prog}
fi
"""
_FISH = """\
# Completes {prog} in fish; made by: {prog} completions fish
function __imgopt_tui_in # whether the command is one of these; -: none yet
    set -l before (commandline -opc)
    if contains -- "$before[2]" {names}
        contains -- "$before[2]" $argv
    else
        contains -- - $argv
    end
end
function __imgopt_tui_at # whether so many words stand before
    test (count (commandline -opc)) = $argv[1]
end
function __imgopt_tui_runs
    {prog} runs 2>/dev/null | string replace -r '^(\\\\S+)  ' '$1\\t'
end
complete -c {prog} -e
{lines}
"""


def _names(commands: Sequence[Command], between: str) -> str:
    return between.join(command.name for command in commands if command.name)


def _lines(lines: Iterable[str], indent: int) -> str:
    return ("\n" + " " * indent).join(lines)


def bash(commands: Sequence[Command]) -> str:
    """For bash 3.2 and newer, with or without the package bash-completion."""
    options = [
        f"{quote(each.name)}) words={quote(' '.join(name for option in each.options for name in option.names))} ;;"
        for each in commands
    ]
    by_values: dict[str, list[str]] = {}
    by_place: dict[str, list[str]] = {}
    for each in commands:
        for option in each.options:
            if option.values:
                patterns = by_values.setdefault(_bash_set(option.values), [])
                patterns.extend(f"{each.name}:{name}" for name in option.names)
        for position, place in enumerate(each.places):
            by_place.setdefault(_bash_set(place.values), []).append(f"{each.name}:{position}")
        if each.places and each.places[-1].several:
            by_place.setdefault(_bash_set(each.places[-1].values), []).append(f"{each.name}:*")
    first = f":-1) kind=first words={quote(_names(commands, ' '))} ;;"
    return _BASH.format(
        prog=PROG,
        names=_names(commands, "|"),
        options=_lines(options, 12),
        values=_lines(_bash_cases(by_values), 12),
        places=_lines([first, *_bash_cases(by_place, "[0-9]"), *_bash_cases(by_place, "[*]")], 16),
    )


def _bash_cases(patterns: Mapping[str, Sequence[str]], end: str = "") -> Iterator[str]:
    """Those whose patterns end like this; one for each thing to do."""
    for do, all_of_them in patterns.items():
        if found := [pattern for pattern in all_of_them if re.search(f"{end}$", pattern)]:
            yield f"{'|'.join(found)}) {do} ;;"


def _bash_set(values: Values) -> str:
    return f"kind={values.kind.value}" + (f" words={quote(' '.join(values.words))}" if values.words else "")


def zsh(commands: Sequence[Command]) -> str:
    """For zsh, as a file ``_imgopt-tui`` in a folder of ``$fpath``, or read by ``source``."""
    cases = []
    for each in commands:
        places = [
            f"{'*' if place.several else position + 1}:{place.values.name}:{_zsh_do(place.values)}"
            for position, place in enumerate(each.places)
        ]
        if not each.name:
            places = ["*:path:_imgopt_tui_first"]
        specs = [spec for option in each.options for spec in _zsh_specs(option)]
        cases.append(
            f"{quote(each.name)}) _arguments -s -S {_lines(map(quote, [*specs, *places]), 12)} ;;".replace(
                "\n", " \\\n"
            )
        )
    named = (quote(f"{each.name}:{each.help.replace(':', chr(92) + ':')}") for each in commands if each.name)
    return _ZSH.format(prog=PROG, commands=_lines(named, 8), names=_names(commands, "|"), cases=_lines(cases, 8))


def _zsh_specs(option: Option) -> list[str]:
    """One for each name; a name excludes the others unless the option may be given again."""
    told = "".join("\\" + char if char in "[]:\\" else char for char in option.short_help)
    others = "*" if option.several else f"({' '.join(option.names)})"
    if option.values is None:
        return [f"{others}{name}[{told}]" for name in option.names]
    value = f"[{told}]:{option.values.name}:{_zsh_do(option.values)}"
    return [f"{others}{name}{'=' if name.startswith('--') else '+'}{value}" for name in option.names]


def _zsh_do(values: Values) -> str:
    match values.kind:
        case Kind.FILE:
            return "_files"
        case Kind.FOLDER:
            return "_files -/"
        case Kind.RUN if values.words:
            return f"{{_imgopt_tui_runs; compadd {' '.join(values.words)}}}"
        case Kind.RUN:
            return "_imgopt_tui_runs"
        case Kind.WORDS:
            return f"({' '.join(values.words)})"
        case Kind.LIST:
            return f"_sequence compadd - {' '.join(values.words)}"
        case Kind.TEXT:
            return " "


def fish(commands: Sequence[Command]) -> str:
    """For fish 3, as a file ``imgopt-tui.fish`` in its folder of completions."""
    start = f"complete -c {PROG}"
    lines = [
        f"{start} -n '__imgopt_tui_in -; and __imgopt_tui_at 1' -a {each.name} -d {_fish(each.help)}"
        for each in commands
        if each.name
    ]
    where: dict[Option, list[str]] = {}
    for each in commands:
        for option in each.options:
            where.setdefault(option, []).append(each.name or "-")
        lines += _fish_places(start, each)
    for option, names in where.items():
        does = f"{_fish_options(option)}{_fish_values(option.values)} -d {_fish(option.short_help)}"
        lines.append(f"{start} -n '__imgopt_tui_in {' '.join(names)}' {does}")
    return _FISH.format(prog=PROG, names=_names(commands, " "), lines="\n".join(lines))


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_options(option: Option) -> str:
    return " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)


def _fish_places(start: str, command: Command) -> list[str]:
    """Lines for what is written without an option; after the places of a command there is nothing but options."""
    lines = []
    files = [place for place in command.places if place.values.kind is Kind.FILE]
    if not files:
        lines.append(f"{start} -n '__imgopt_tui_in {command.name or '-'}' -f")
    for position, place in enumerate(command.places):
        if place.values.kind is not Kind.FILE and (candidates := _fish_candidates(place.values)):
            here = "" if place.several else f"; and __imgopt_tui_at {position + 2}"
            lines.append(f"{start} -n '__imgopt_tui_in {command.name or '-'}{here}' -a {candidates}")
    return lines


def _fish_values(values: Values | None) -> str:
    if values is None:
        return ""
    if values.kind is Kind.FILE:
        return " -r"
    candidates = _fish_candidates(values)
    return f" -x -a {candidates}" if candidates else " -x"


def _fish_candidates(values: Values) -> str:
    words = " ".join(values.words)
    match values.kind:
        case Kind.FOLDER:
            return "'(__fish_complete_directories)'"
        case Kind.RUN:
            return _fish(f"(__imgopt_tui_runs) {words}".strip())
        case Kind.LIST:
            return _fish(f"(__fish_append , {words})")
        case _:
            return _fish(words) if words else ""


SCRIPTS: dict[str, Callable[[Sequence[Command]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
"""By the name of the shell."""
