"""Print the script that lets a shell complete commands, options, groups, keys and values with the Tab key.

It completes va-experiments and python -m va_experiments; other lines of python are completed as before.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from va_experiments.commands.command_line import App
from va_experiments.terminal import say

__all__ = ["app", "completion"]

BASH = """\
_va_experiments() {
  local line=${COMP_LINE:0:COMP_POINT} cut word
  COMPREPLY=()
  cut=${line//\\\\[[:space:]]/__}
  cut=${cut##*[[:space:]]}
  case $cut in *[=:]*) cut=${cut%"${cut##*[=:]}"} ;; *) cut= ;; esac
  while IFS= read -r word; do
    [ -n "$word" ] && COMPREPLY+=("${word#"$cut"}")
  done < <(va-experiments __complete "$line" 2>/dev/null)
  case ${COMPREPLY[0]-} in *=|*/) compopt -o nospace ;; esac
}
_va_experiments_python() {
  if [ "${COMP_WORDS[1]}" = -m ] && [ "${COMP_WORDS[2]}" = va_experiments ]; then _va_experiments; fi
}
complete -o bashdefault -o default -F _va_experiments va-experiments
for _va_name in python python3; do
  complete -p "$_va_name" >/dev/null 2>&1 ||
    complete -o bashdefault -o default -F _va_experiments_python "$_va_name"
done
unset _va_name
"""

ZSH = """\
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D; }
_va_experiments() {
  local -a found keys
  found=("${(@f)$(va-experiments __complete "$LBUFFER" 2>/dev/null)}")
  found=("${(@)found:#}")
  keys=("${(@M)found:#*[=/]}")
  found=("${(@)found:#*[=/]}")
  if (( $#found + $#keys == 0 )); then _default; return; fi
  (( $#keys )) && compadd -Q -S '' -- $keys
  (( $#found )) && compadd -Q -- $found
}
_va_experiments_python() {
  if [[ $words[2] == -m && $words[3] == va_experiments ]]; then _va_experiments; else _va_python_before; fi
}
_va_python_before() { _default }
[[ -n $_comps[python] && $_comps[python] != _va_experiments_python ]] && functions[_va_python_before]="$_comps[python]"
compdef _va_experiments va-experiments
compdef _va_experiments_python python python3
"""

FISH = """\
complete -c va-experiments -f -a '(va-experiments __complete (commandline -cp) 2>/dev/null | string unescape)'
for name in python python3
  complete -c $name -n 'string match -rq "^\\\\S+ -m va_experiments" (commandline -cp)' -f \\
    -a '(va-experiments __complete (commandline -cp) 2>/dev/null | string unescape)'
end
"""


class Shell(StrEnum):
    """A shell that completes."""

    BASH = "bash"
    FISH = "fish"
    ZSH = "zsh"


SCRIPTS = {Shell.BASH: BASH, Shell.FISH: FISH, Shell.ZSH: ZSH}

LINES = {
    Shell.BASH: ('eval "$(va-experiments completion bash)"', "~/.bashrc"),
    Shell.ZSH: ('eval "$(va-experiments completion zsh)"', "~/.zshrc"),
    Shell.FISH: ("va-experiments completion fish | source", "~/.config/fish/config.fish"),
}
"""Shell -> the line that completes from now on, and the file in which it does so for good."""

app = App()


@app.action(help=__doc__)
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="[bash|fish|zsh]", help="The shell.")] = Shell.BASH,
) -> int:
    """Print the script for this shell."""
    line, file = LINES[shell]
    say(f"# Run {line}, or put it into {file}; then: va-experiments model=<Tab>")
    say(SCRIPTS[shell].rstrip())
    return 0
