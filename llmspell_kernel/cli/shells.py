"""What completes in bash. Imported when a shell asks.

Bash takes ``operation=v`` for three words, and click for what bash says: here the line is split as the shell will split
it, and bash is given what stands behind the last ``=``. Nothing follows ``operation=`` but its value.
"""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import BashComplete, CompletionItem, add_completion_class, split_arg_string

SOURCE = """\
%(complete_func)s() {
    local IFS=$'\\n' line
    COMPREPLY=()
    for line in $(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" %(complete_var)s=bash_complete "$1"); do
        case "${line%%%%,*}" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            *) COMPREPLY+=("${line#*,}") ;;
        esac
    done
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    source_template = SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        self._incomplete = "" if line[-1:].isspace() else words.pop()
        return words[1:], self._incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        before, equals, _ = self._incomplete.rpartition("=")
        return f"{item.type},{item.value.removeprefix(before + equals)}"


def known() -> None:
    """Click's own class for bash is replaced."""
    add_completion_class(Bash)
