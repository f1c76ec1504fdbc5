"""What a script's text shows."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.job.shell_text import ApiCall, scan_script, usage_problem
from lava_dispatcher_multinode.multinode.api import Api

CLIENT = """\
#!/bin/sh

server=$(lava-wait server-ready | cut -d = -f 2)
iperf -c $server
# ... do something with output ...
lava-send client-done
"""


def calls(text):
    """Return (api, id, role) of each certain call."""
    return [(call.api, call.id, call.role) for call in scan_script(text, "client").calls]


def test_the_documents_own_client():
    """Calls in a substitution and as a command, on their lines."""
    assert scan_script(CLIENT, "client").calls == [
        ApiCall("wait", "server-ready", None, 3), ApiCall("send", "client-done", None, 6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lava-sync a; lava-sync b && lava-sync c || lava-sync d & lava-sync e",
         [("sync", name, None) for name in "abcde"]),
        ("if lava-wait x; then lava-send y; else lava-send z; fi",
         [("wait", "x", None), ("send", "y", None), ("send", "z", None)]),
        ("while ! lava-wait x\ndo :; done", [("wait", "x", None)]),
        ("A=1 B='c d' lava-wait x", [("wait", "x", None)]),
        ("lava-wait --timeout 5 --next x", [("wait", "x", None)]),
        ("lava-wait-all x client", [("wait-all", "x", "client")]),
        ("lava-wait-all --timeout 5 x", [("wait-all", "x", None)]),
        ("lava-send x a=1 'b=c d'", [("send", "x", None)]),
        ("lava-send 'x'", [("send", "x", None)]),
        ("lava-wait \\\n  x", [("wait", "x", None)]),
        ('v="$(lava-wait x | cut -f 1)"', [("wait", "x", None)]),
        ('v="`lava-wait x`"', [("wait", "x", None)]),
        ('v="$(foo "$(lava-wait x)")"', [("wait", "x", None)]),
        ("v=`lava-wait x`", [("wait", "x", None)]),
        ("lava-wait x | while read l; do :; done", [("wait", "x", None)]),
        ("(lava-wait x) > /tmp/log 2>&1; { lava-send y; }",
         [("wait", "x", None), ("send", "y", None)]),
        ("case $a in b) lava-wait x;; esac", [("wait", "x", None)]),
        ("lava-test-case c --shell lava-sync x", [("sync", "x", None)]),
        ("lava-test-case c --shell 'lava-sync x y; lava-send y'",
         [("sync", "x", None), ("send", "y", None)]),
        ("sh -c 'lava-sync x'", [("sync", "x", None)]),
        ("/lava-7/bin/lava-sync x", [("sync", "x", None)]),
        ("[ $# -gt 0 ] && lava-send x", [("send", "x", None)]),
        ("lava-send $(lava-role)-ready", [("send", "client-ready", None)]),
        ("lava-send `lava-role`-ready", [("send", "client-ready", None)]),
        ("lava-send ${TARGET_ROLE}-ready", [("send", "client-ready", None)]),
        ("cat <<EOF >f\nlava-wait no\nEOF\nlava-wait x", [("wait", "x", None)]),
        # not certain
        ("# lava-wait x", []),
        ("echo lava-wait x", []),
        ("echo 'a\nlava-wait x\n'", []),
        ('echo "to do: lava-wait x"', []),
        ("echo if lava-wait x", []),
        ("lava-wait $id", []),
        ("lava-wait-all x $role", []),
        ("lava-wait", []),
        ("lava-waiting x", []),
        ("command -v lava-wait x", []),
        ("cat <<EOF\nlava-wait x", []),
        ("lava-group > lava-wait x", []),
    ],
)  # fmt: skip
def test_certain_calls(text, expected):
    """Commands count; words in texts, comments and here documents do not."""
    assert calls(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true\nlava-sync", [("lava-sync", 2)]),
        ("lava-wait --nxt a && lava-send a b", [("lava-wait --nxt a", 1), ("lava-send a b", 1)]),
        ("lava-test-case a --shell lava-sync", [("lava-sync", 1)]),
        ('lava-sync $all\nlava-wait "$@"\nlava-send x $(data)\nlava-send x `data`', []),
        ("lava-sync() { :; }\ncase $1 in\nlava-sync|lava-wait) ;;\nesac", []),
        ("xargs lava-sync\ncommand -v lava-sync\n# lava-sync\ncat <<E\nlava-sync\nE\n", []),
        ("lava-wait x >out 2>&1 | cat; lava-sync x </dev/null &", []),
    ],
)
def test_calls_that_cannot_work(text, expected):
    """Only where the text shows all of their words, and that it is a call."""
    assert [
        (warning.command, warning.line) for warning in scan_script(text, "client").warnings
    ] == expected


@pytest.mark.parametrize(
    ("text", "mentions", "computed"),
    [
        ("lava-send x", {("send", "x")}, set()),
        ("# lava-send x", {("send", "x")}, set()),
        ('subprocess.run(["lava-send", "x"])', {("send", "x")}, set()),
        ("lava-wait --timeout 5 x", {("wait", "x")}, set()),
        ("lava-wait --next x", {("wait", "x")}, set()),
        ("lava-sync \\\n x", {("sync", "x")}, set()),
        ("lava-wait-all x client", {("wait-all", "x")}, set()),
        ("lava-send $x", set(), {"send"}),
        ('lava-send "a-"$x', set(), {"send"}),
        ("lava-send a-$(b)", set(), {"send"}),
        ("lava-send `b`", set(), {"send"}),
        ("lava-send a-`b`", set(), {"send"}),
        ("lava-send 'a'-$(b)", set(), {"send"}),
        ("v=`lava-wait a`", {("wait", "a")}, set()),
        ('["lava-send", "a-" + x]', set(), {"send"}),
        ('["lava-send", "a-%d" % x]', set(), {"send"}),
        ("echo a b | xargs lava-send", set(), {"send"}),
        ("send=lava-send; $send x", set(), {"send"}),
        ("command -v lava-send >/dev/null", set(), set()),
        ("which lava-send", set(), set()),
        ("lava-sending x", set(), set()),
        ("my-lava-send x", set(), set()),
    ],
)
def test_mentions_and_computed_ids(text, mentions, computed):
    """Every possible call counts, with the ID if the text shows it."""
    found = scan_script(text, "client")
    assert (found.mentions, found.computed) == (mentions, computed)


@pytest.mark.parametrize(
    ("text", "runs", "unseen"),
    [
        ("./run-$(lava-role).sh", {"./run-client.sh"}, False),
        ('python3 "$(dirname "$0")/t.py" "$1"', {"./t.py"}, False),
        ('exec "${0%/*}/a"', {"./a"}, False),
        ("sh x.sh; . ./lib; python3 -u t.py", {"x.sh", "./lib", "t.py"}, False),
        ("python3 -m http.server 80 &", set(), False),
        ("python3 -c 'print(1)'", set(), False),
        ("/usr/bin/iperf -s; iperf -c x; ls dir/file", set(), False),
        ("lava-test-case a --shell './b.sh 1'", {"./b.sh"}, False),
        ("lava-test-case a --shell ./a.sh", {"./a.sh"}, False),
        ("/opt/suite/run", {"/opt/suite/run"}, False),
        ("$cmd x", set(), True),
        ("eval $x", set(), True),
        ("./run-$n.sh", set(), True),
        ("sh $x", set(), True),
        ("echo 'no end", set(), True),
    ],
)
def test_files_that_are_run(text, runs, unseen):
    """A file or command that the text does not name is reported as unseen."""
    found = scan_script(text, "client")
    assert (found.runs, found.unseen) == (runs, unseen)


def test_other_languages_give_mentions_only():
    """A line of Python is no command."""
    found = scan_script("lava-wait x\n'", "client", shell=False)
    assert (found.calls, found.mentions, found.unseen) == ([], {("wait", "x")}, False)


@given(st.text(alphabet="lava-wit snd$(){}\"'`\\\n#;|&<>E=", max_size=80))
def test_any_text_is_scanned(text):
    """No script may stop the check."""
    found = scan_script(text, "client")
    for call in found.calls:
        assert 1 <= call.line <= text.count("\n") + 1


@pytest.mark.parametrize("piece", ['"$(', "<<E\n", "lava-send ", '"`', "((", "a=", "\\\n"])
def test_long_texts_take_no_long_time(piece):
    """The time is proportional to the length of the text, not to its square."""
    import gc
    from time import process_time

    def seconds(length):
        gc.disable()  # a collection during the scan takes longer than the scan
        try:
            start = process_time()
            scan_script(piece * (length // len(piece)), "client")
            return process_time() - start
        finally:
            gc.enable()

    # Eight times the text: 8 where the time is linear, 64 where it is a square.
    assert min(map(seconds, [80_000] * 8)) < 24 * max(map(seconds, [10_000] * 8))


OVERLAYS = Path(__file__).parents[2] / "overlays"


@pytest.mark.parametrize(
    ("api", "words", "why"),
    [
        ("sync", "", "the ID is missing"),
        ("wait", "--next", "the ID is missing"),
        ("wait", "--nxt a", "no option '--nxt'"),
        ("wait", "-n a", "no option '-n'"),
        ("sync", "--next a", "no option '--next'"),
        ("sync", "--timeout a", "takes seconds, not 'a'"),
        ("sync", "a --timeout", "takes seconds, not ''"),
        ("wait", "--timeout=5s a", "takes seconds, not '5s'"),
        ("wait", "a b", "'b' is one word too many"),
        ("wait-all", "a b c", "'c' is one word too many"),
        ("send", "", "the ID is missing"),
        ("send", "ip=1", "the ID is missing before 'ip=1'"),
        ("send", "--data a=1", "no option '--data'"),
        ("send", "a b", "'b' is not KEY=VALUE"),
        ("send", "a ip:=1", "'ip:=1' is not KEY=VALUE"),
    ],
)
def test_what_is_warned_of_ends_with_2_on_the_board(api, words, why):
    """No false warning: the commands on the board refuse the same words."""
    assert why in usage_problem(Api(api), words.split())
    done = subprocess.run(
        ["sh", OVERLAYS / "bin" / f"lava-{api}", *words.split()],
        env={"PATH": "/usr/bin:/bin", "LAVA_DIR": str(OVERLAYS), "LAVA_HOSTNAME": "a"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr


@pytest.mark.parametrize(
    ("api", "words"),
    [
        ("sync", "a"),
        ("wait", "--next --timeout 5 a"),
        ("wait", "a --timeout=.5"),
        ("wait-all", "--timeout 1. a client"),
        ("send", "a"),
        ("send", "a k= x.y-z_1=-=-"),
    ],
)
def test_right_words_are_right(api, words):
    """Options may stand anywhere, and values may be anything."""
    assert usage_problem(Api(api), words.split()) == ""
