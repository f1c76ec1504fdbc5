"""The manual pages, generated from the parsers.

`python -m lava_dispatcher_multinode.commands.manual_pages` writes them.

They are stored in man/ and installed with the package. argparse-manpage would omit the
examples of the verbs and add the date of its run.
"""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import ExitCode
from ..report.verdict import MEANING
from . import dispatch, lava_multinode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = "lava-dispatcher-multinode"
#: The purpose of each command, and the other page.
PAGES = {
    "lava-dispatch": ("run a MultiNode job on a group of boards", "lava-multinode"),
    "lava-multinode": (
        "manage boards, reports and the coordinator of MultiNode jobs",
        "lava-dispatch",
    ),
}


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    parsers = (dispatch.build_parser(), lava_multinode.build_parser(lava_multinode.VERBS))
    return {f"{parser.prog}.1": page(parser) for parser in parsers}


def page(parser: argparse.ArgumentParser) -> str:
    """Return the page of a command, in macros of man(7)."""
    what, other = PAGES[parser.prog]
    lines = [
        f'.TH {_text(parser.prog.upper())} 1 "" "{PROJECT} {__version__}"',
        ".SH NAME",
        f"{_text(parser.prog)} \\- {_text(what)}",
        ".SH SYNOPSIS",
        *_synopsis(parser),
        ".SH DESCRIPTION",
        _text(parser.description or ""),
        ".SH OPTIONS",
        *_options(parser),
    ]
    for verbs in _verbs(parser):
        lines.append(".SH VERBS")
        for name, verb in verbs.choices.items():
            lines += [f".SS {_text(name)}", *_synopsis(verb), ".PP", _text(verb.description or "")]
            lines += [*_options(verb), *_epilog(verb)]
    lines += [*_notes(parser), ".SH EXIT STATUS"]
    for code in ExitCode:
        lines += [".TP", f"\\fB{int(code)}\\fR", _text(MEANING[code])]
    lines += [".SH SEE ALSO", f".BR {_text(other)} (1)"]
    return "\n".join(lines) + "\n"


def _notes(parser: argparse.ArgumentParser) -> Iterator[str]:
    notes = list(_epilog(parser))
    if notes:
        yield ".SH EXAMPLES" if ".nf" in notes else ".SH NOTES"
        yield from notes[1:] if notes[0] == ".PP" else notes


def _synopsis(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Return the synopsis, with alternatives of exclusive options."""
    group_of = {
        action: group
        for group in parser._mutually_exclusive_groups
        for action in group._group_actions
    }
    words, done = [], set()
    for action in sorted(parser._actions, key=lambda action: not action.option_strings):
        group = group_of.get(action)
        if isinstance(action, argparse._HelpAction) or (group and group in done):
            continue
        done.add(group)
        members = group._group_actions if group else [action]
        word = " | ".join(map(_usage, members))
        if not (group or action).required:
            word = f"[{word}]"
        elif len(members) > 1:
            word = f"({word})"
        words.append(word)
    yield f".B {_text(parser.prog)}"
    yield _text(" ".join(words))


def _usage(action: argparse.Action) -> str:
    name = action.option_strings[-1] if action.option_strings else ""
    return f"{name} {_argument(action)}".strip()


def _argument(action: argparse.Action) -> str:
    """Return the placeholder of the argument of `action`."""
    if action.nargs == 0:
        return ""
    if isinstance(action, argparse._SubParsersAction):
        return str(action.metavar)
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    name = str(action.metavar or choices or action.dest.upper())
    return f"[{name}]" if action.nargs == "?" and action.option_strings else name


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    formatter = parser._get_formatter()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in action.option_strings)
        argument = f"\\fI{_text(_argument(action))}\\fR" if _argument(action) else ""
        yield ".TP"
        yield " ".join(filter(None, (names, argument)))
        yield _text(formatter._expand_help(action)) if action.help else "\\&"


def _verbs(
    parser: argparse.ArgumentParser,
) -> Iterable[argparse._SubParsersAction[argparse.ArgumentParser]]:
    return [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]


def _epilog(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Return the epilog; indented lines stay as they are."""
    for kind, lines in groupby((parser.epilog or "").splitlines(), key=_kind):
        if kind == "lines":
            yield from (".nf", *map(_text, lines), ".fi")
        elif kind == "prose":
            yield from (".PP", _text(" ".join(lines)))


def _kind(line: str) -> str:
    if not line.strip():
        return "nothing"
    return "lines" if line.startswith(" ") else "prose"


def _text(text: str) -> str:
    """Escape text for roff."""
    escaped = text.strip("\n").replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main(arguments: list[str]) -> int:
    """Write the pages to a directory (default: man/)."""
    directory = Path(arguments[0] if arguments else "man")
    for name, text in pages().items():
        (directory / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
