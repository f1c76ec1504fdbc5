"""The MultiNode calls in the text of a shell script, and the files that it runs.

This is not a shell. The text is read in two ways, so that the message-flow check gives no
false warning:

* `Scan.calls`: commands with a literal ID, at the place of a command. The script makes
  these calls if it reaches them.
* `Scan.mentions`: the names of the calls anywhere, also in quotes, comments and here
  documents. The script may make these calls.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..multinode.api import Api

if TYPE_CHECKING:
    from collections.abc import Sequence

_APIS = {api.value: api for api in Api}
_API = f"lava-({'|'.join(sorted(_APIS, key=len, reverse=True))})"  # wait-all before wait
_COMMAND = re.compile(rf"(?:.*/)?{_API}")
_MENTION = re.compile(rf"(?<![\w-]){_API}(?![\w-])(?=((?:\\\n|[^\n]){{0,400}}))")
_LITERAL = re.compile(r"[\w.:@/+-]+")
_TOKEN = re.compile(
    r"""
    (?P<space>(?:[ \t\r]|\\\n)+)
  | (?P<comment>\#[^\n]*)
  | (?P<heredoc><<-?[ \t]*['"\\]?(?P<end>\w+)['"]?)
  | (?P<redirect>\d*(?:>>|>\||<>|<<<|[<>])(?P<whole>&(?:\d+|-))?)
  | (?P<operator>&&|\|\||;;|[;&|()\n`])
  | (?P<word>(?:\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$\{[^}\n]*\}|[^\s;&|()<>`'"\\])+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED_SUBSTITUTION = re.compile(r'"(?:\\.|[^"\\])*"', re.DOTALL)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_BEFORE_COMMAND = frozenset(
    ["if", "then", "elif", "else", "while", "until", "do", "{", "!", "time", "exec"]
)
_INTERPRETER = re.compile(r"(?:.*/)?(?:\.|source|eval|(?:ba|da|a|k|mk|z)?sh|python[\d.]*|perl)")
_SYSTEM = ("/bin/", "/sbin/", "/usr/", "/etc/", "/lava-", "/dev/", "/sys/", "/proc/")
_ROLE = re.compile(r"\$\(\s*lava-role\s*\)|`\s*lava-role\s*`|\$TARGET_ROLE\b|\$\{TARGET_ROLE\}")
#: The ends of a command that is certain. A name before `(`, `)` or `|` may be that of a
#: function, or a pattern of `case`.
_ENDS_COMMAND = frozenset(["\n", ";", "&&", "||"])
_ENDS = frozenset([";", "&", "|", ")", "<", ">", "]"])
_PAIR = re.compile(r"[A-Za-z0-9_.-]+=.*", re.DOTALL)
_SECONDS = re.compile(r"\d+\.?\d*|\.\d+")
_LOOKED_UP = re.compile(r"(?:command\s+-[vV]|which|type|hash)\s+$")
#: "ready-"$n, ready-`n`, or "ready-" + n in Python
_CONTINUED = r"""(?:["'](?:[^\s,;&|)<>\]"'}]|\s*[+%.])|`[\w$./])"""
#: The directory of the script: any directory will do here.
_OWN_DIRECTORY = re.compile(r'\$\(\s*dirname\s+"?\$\{?0\}?"?\s*\)|\$\{0%/\*\}')
_MAX_NESTING = 8  # of command substitutions
_MAX_QUOTED_CHARS = 20_000  # of a quoted word, which is read several times


class ApiCall(NamedTuple):
    """One call, and its line in the text, from 1."""

    api: Api
    id: str
    role: str | None = None  # of a lava-wait-all
    line: int = 1


class ScriptWarning(NamedTuple):
    """A call that cannot work, the reason, and its line in the text, from 1."""

    command: str
    why: str
    line: int


@dataclass
class Scan:
    """The calls and files that one text shows."""

    warnings: list[ScriptWarning] = field(default_factory=list)
    calls: list[ApiCall] = field(default_factory=list)
    mentions: set[tuple[Api, str]] = field(default_factory=set)  # call, ID
    computed: set[Api] = field(default_factory=set)  # calls with an ID that the text does not show
    runs: set[str] = field(default_factory=set)  # files, as written
    unseen: bool = False  # whether the text runs something that it does not name


def scan_script(text: str, role: str, *, shell: bool = True) -> Scan:
    """Read `text` as a board of `role` would; without `shell`, only the mentions."""
    text = _OWN_DIRECTORY.sub(".", _ROLE.sub(lambda _: role, text))
    found = Scan()
    for match in _MENTION.finditer(text):
        before = text[max(0, match.start() - 20) : match.start()]
        _add_mention(_APIS[match.group(1)], before, match.group(2), found)
    if shell:
        _scan_commands(text, 1, found)
    return found


def _add_mention(api: Api, before: str, rest: str, found: Scan) -> None:
    """Read the ID behind the name of a call, in a command or in a list of Python."""
    words = re.findall(r"""[^\s"',;&|()<>`\\]+|[;&|()<>`]""", rest)
    if not words or words[0] in _ENDS:
        if not _LOOKED_UP.search(before):
            found.computed.add(api)  # `xargs lava-send`, `send=lava-send`
        return
    operands = _operands(words[:8])
    literal = operands and _LITERAL.fullmatch(operands[0])
    if literal and not re.search(re.escape(operands[0]) + _CONTINUED, rest):
        found.mentions.add((api, operands[0]))
    else:
        found.computed.add(api)


def _operands(words: list[str]) -> list[str]:
    """Return the words that are neither options of the calls nor values of options."""
    rest = iter(words)
    operands: list[str] = []
    for word in rest:
        if word == "--timeout":
            next(rest, None)
        elif operands or not word.startswith("-"):
            operands.append(word)
    return operands


def _scan_commands(text: str, line: int, found: Scan, depth: int = 0) -> None:
    """Split `text`, which begins at `line`, into commands and scan each."""
    command: list[str] = []
    begun = index = line_at = 0
    while index < len(text):
        token = _TOKEN.match(text, index)
        assert token is not None
        index, kind = token.end(), token.lastgroup
        if token["operator"]:
            _scan_command(command, begun, found, ended=token["operator"] in _ENDS_COMMAND)
            command = []
        elif token["heredoc"]:
            index = _end_of_heredoc(text, index, token["end"])
        elif token["redirect"] and not token["whole"]:
            target = re.compile(r"[ \t]*[^\s;&|()<>`]*").match(text, index)
            index = target.end() if target else index
        elif token["word"]:
            line += text.count("\n", line_at, token.start())
            line_at = token.start()
            word = token["word"]
            if not command:
                begun = line
            if word == "--shell":  # of lava-test-case
                command = []
            elif command or not (word in _BEFORE_COMMAND or _ASSIGNMENT.match(word)):
                command.append(word)
            if depth < _MAX_NESTING:
                _scan_substitutions(word, line, found, depth)
        elif kind == "other":
            found.unseen = True  # most likely a quote without end
    _scan_command(command, begun, found)


def _end_of_heredoc(text: str, index: int, end: str) -> int:
    """Return the index behind the here document, which contains no commands."""
    body = re.compile(rf"[^\n]*\n(?:.*?\n)??(?=\t*{re.escape(end)}[ \t]*(?:\n|\Z))", re.DOTALL)
    match = body.match(text, index)
    if match is None:
        return len(text)
    stop = text.find("\n", match.end())
    return len(text) if stop < 0 else stop


def _scan_substitutions(word: str, line: int, found: Scan, depth: int) -> None:
    """Scan the command substitutions in the double-quoted parts of `word`."""
    if len(word) > _MAX_QUOTED_CHARS:
        found.unseen = True
        return
    for quoted in _QUOTED_SUBSTITUTION.finditer(word):
        inner = quoted.group()[1:-1]
        parts = re.findall(r"`([^`]*)`", inner)
        for start in re.finditer(r"\$\((?!\()", inner):
            rest = inner[start.end() :]
            parts.append(rest[: _end_of_substitution(rest)])
        for part in parts:
            _scan_commands(part, line, found, depth + 1)


def _end_of_substitution(text: str) -> int:
    depth = 1
    for index, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            return index
    return len(text)


def _scan_command(words: list[str], line: int, found: Scan, *, ended: bool = True) -> None:
    if not words:
        return
    name, *arguments = (_without_quotes(word) for word in words)
    command = _COMMAND.fullmatch(name) if name else None
    if command:
        api = _APIS[command.group(1)]
        _add_call(api, [word or "" for word in arguments], line, found)
        certain = [word for word in arguments if word is not None]
        if ended and len(certain) == len(arguments) and (why := usage_problem(api, certain)):
            found.warnings.append(ScriptWarning(" ".join([command.group(), *certain]), why, line))
    elif name and _INTERPRETER.fullmatch(name):
        _scan_interpreter(arguments, line, found)
    elif name is None:
        found.unseen = True
    elif re.search(r"\s", name):  # a whole command in quotes, as `--shell` takes it
        _scan_commands(name, line, found, _MAX_NESTING)
    elif "/" in name and not name.startswith(_SYSTEM):
        found.runs.add(name)


def _add_call(api: Api, arguments: list[str], line: int, found: Scan) -> None:
    operands = _operands(arguments)[: 2 if "role" in api.spec.parameters else 1]
    if operands and all(_LITERAL.fullmatch(word) for word in operands):
        role = operands[1] if len(operands) > 1 else None
        found.calls.append(ApiCall(api, operands[0], role, line))


def _scan_interpreter(arguments: list[str | None], line: int, found: Scan) -> None:
    """Add the file that `sh`, `.` or `python3` runs, or scan the text after `-c`."""
    if "-m" in arguments:
        return  # a Python module
    if "-c" in arguments:
        text = next(iter(arguments[arguments.index("-c") + 1 :]), None)
        if text is not None:
            _scan_commands(text, line, found, _MAX_NESTING)
            return
    file = next((word for word in arguments if word is None or word[:1] != "-"), "")
    if file is None:
        found.unseen = True
    elif file and not file.startswith(_SYSTEM):
        found.runs.add(file)


def _without_quotes(word: str) -> str | None:
    """Return `word` without its quotes; None if the shell would substitute something in it."""
    if word in {"[", "[["}:
        return word
    if re.search(r"[$`*?\[]", word):
        return None
    try:
        return "".join(shlex.split(word))
    except ValueError:
        return None


def usage_problem(api: Api, words: Sequence[str]) -> str:
    """Return what is wrong with the words of a call, or "".

    The rules are those of the commands on the board (`overlays/lib/lava-waiting`,
    `overlays/bin/lava-send`), which end with exit code 2. `words` are literal.
    """
    return _data_problem(words) if api.spec.takes_data else _options_problem(api, words)


def _data_problem(words: Sequence[str]) -> str:
    if not words:
        return "the ID is missing"
    if words[0].startswith("-"):
        return f"there is no option '{words[0]}'"
    if "=" in words[0]:
        return f"the ID is missing before '{words[0]}'"
    wrong = next((word for word in words[1:] if not _PAIR.fullmatch(word)), None)
    return "" if wrong is None else f"'{wrong}' is not KEY=VALUE"


def _options_problem(api: Api, words: Sequence[str]) -> str:
    options = [option.split()[0] for option in api.spec.options]
    operands: list[str] = []
    rest = iter(words)
    for word in rest:
        option, _, value = word.partition("=")
        if option == "--timeout":
            value = value if "=" in word else next(rest, "")
            if not _SECONDS.fullmatch(value):
                return f"--timeout takes seconds, not '{value}'"
        elif word.startswith("-") and word not in options:
            return f"there is no option '{word}' (it has {' and '.join(options)})"
        elif not word.startswith("-"):
            operands.append(word)
    expected = api.spec.operands
    if missing := [name for name in expected[len(operands) :] if not name.startswith("[")]:
        return f"the {missing[0]} is missing"
    if len(operands) > len(expected):
        return f"'{operands[len(expected)]}' is one word too many"
    return ""
