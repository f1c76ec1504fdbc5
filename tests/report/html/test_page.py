"""The frame of report.html: its policy, and safe embedding of text."""

import base64
import gzip
import hashlib
import json
import re

import pytest

from lava_dispatcher_multinode.report.consoles import ConsoleText
from lava_dispatcher_multinode.report.html.page import frame, script, style


def policy(page):
    """Return the page's content security policy, by directive."""
    (text,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    return dict(part.strip().split(" ", 1) for part in text.split(";"))


def test_only_the_pages_own_style_and_script_may_run():
    """By hashes that a browser computes of what stands between the tags."""
    page = frame("t", "<p>x</p>", {}, [])
    told = policy(page)
    for kind, tag in (("script-src", "script"), ("style-src", "style")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert told[kind] == f"'sha256-{digest}'"
    assert told["default-src"] == told["base-uri"] == told["form-action"] == "'none'"


@pytest.mark.parametrize(("live", "connect"), [("", "'none'"), ("/events?a=1&b=2", "'self'")])
def test_a_page_asks_for_nothing_unless_it_is_live(live, connect):
    """A stored page uses no network, a live one only its own server."""
    page = frame("t", "", {}, [], live)
    assert policy(page)["connect-src"] == connect
    assert ('data-live="/events?a=1&amp;b=2"' in page) is bool(live)


@pytest.mark.parametrize("evil", ["</script><script>alert(1)</script>", "<!--", "]]>", "&lt;"])
def test_data_cannot_end_its_element(evil):
    """A node's name is part of it; what comes out is what went in."""
    page = frame("t", "", {"name": evil}, [])
    (text,) = re.findall('<script type="application/json" id="data">(.*?)</script>', page)
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": evil}
    assert page.count("</script>") == 2


def test_data_that_no_browser_reads_is_refused_here():
    """NaN is no JSON: the whole page would stay empty."""
    with pytest.raises(ValueError, match="JSON"):
        frame("t", "", {"seconds": float("nan")}, [])


def test_a_console_comes_packed_with_what_it_lacks():
    """Any character, also one that is no text, under a name that is no markup."""
    text = "[    1.000000] </script>\ud800\n"
    page = frame("t", "", {}, [ConsoleText('a"b', text, 17)])
    (found,) = re.findall(
        '<script type="application/gzip" class="console" data-node="a&quot;b" '
        'data-left-out="17">(.*?)</script>',
        page,
    )
    unpacked = gzip.decompress(base64.b64decode(found)).decode()
    assert unpacked == "[    1.000000] </script>?\n"


def test_a_page_of_the_same_run_is_the_same():
    """A report that is made again has no difference to look at: no time is packed with it."""
    consoles = [ConsoleText("a", "x", 0)]
    assert frame("t", "b", {"a": 1}, consoles) == frame("t", "b", {"a": 1}, consoles)
    packed = re.findall('left-out="0">(.*?)<', frame("t", "b", {}, consoles))[0]
    assert base64.b64decode(packed)[4:8] == bytes(4)


def test_the_script_is_one_scope_in_the_strict_language():
    """The script is in one scope, in strict mode."""
    assert script().startswith('(() => {\n"use strict";\n')
    assert script().endswith("})();\n")
    assert "</script" not in script()
    assert "</style" not in style()
