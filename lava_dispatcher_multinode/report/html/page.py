"""The frame of report.html: style, script, data and consoles in one self-contained file.

The content security policy allows only this style and script, by their hashes. Text of boards
and jobs is embedded as escaped text, JSON or base64, which cannot end its element.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..safe_text import escape, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..consoles import ConsoleText

#: In the order of concatenation.
SCRIPTS = ("dom.js", "data.js", "filters.js", "timeline.js", "console.js", "search.js", "page.js")
STYLES = ("page.css", "timeline.css", "console.css")


def frame(
    title: str, body: str, data: Any, consoles: Iterable[ConsoleText], live: str = ""
) -> str:
    """Return the whole page. `live`: the URL of its server-sent events, if it has any."""
    policy = (
        f"default-src 'none'; style-src '{_hash(style())}'; script-src '{_hash(script())}'; "
        f"connect-src {_same_origin(live)}; base-uri 'none'; form-action 'none'"
    )
    attribute = f' data-live="{escape(live)}"' if live else ""
    return f"""<!DOCTYPE html>
<html lang="en"{attribute}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style()}</style>
</head>
<body>
{body}
<script type="application/json" id="data">{_json(data)}</script>
{"".join(_console(console) for console in consoles)}
<script>{script()}</script>
</body>
</html>
"""


@cache
def style() -> str:
    """Return the style sheet."""
    return _assets(STYLES)


@cache
def script() -> str:
    """Return the script."""
    # In one scope, in strict mode.
    return f'(() => {{\n"use strict";\n{_assets(SCRIPTS)}}})();\n'


def _assets(names: Iterable[str]) -> str:
    folder = files(__package__) / "assets"
    return "\n".join((folder / name).read_text("utf-8") for name in names)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _same_origin(live: str) -> str:
    return "'self'" if live else "'none'"


def _json(data: Any) -> str:
    """Return JSON that is safe in a script element: ASCII without `<`."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _console(console: ConsoleText) -> str:
    packed = gzip.compress(console.text.encode("utf-8", "replace"), 6, mtime=0)
    name = escape(plain(console.node))
    return (
        f'<script type="application/gzip" class="console" data-node="{name}" '
        f'data-left-out="{console.left_out}">{base64.b64encode(packed).decode()}</script>\n'
    )
