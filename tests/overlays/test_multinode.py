"""The MultiNode calls on a board: every script under every shell, the real Session opposite."""

from __future__ import annotations

from lava_dispatcher_multinode.multinode.api import (
    Api,
    Call,
    Cause,
    Loss,
    Outcome,
    Status,
    refused,
)
from lava_dispatcher_multinode.testshell import waits


def test_send_arrives_and_returns(board):
    """lava-send reaches the coordinator with its data and exits 0."""
    board.run("lava-send ready ip=10.0.0.1 port=80 && echo rc=$?")
    assert board.group.calls == [Call(Api.SEND, "ready", {"ip": "10.0.0.1", "port": "80"})]
    assert "rc=0" in board.console.seen.decode()
    assert board.results() == {"multinode-send-ready": "pass"}


DATA = (
    ("panda02", {"ip": "10.0.0.2", "text": "a b=c <d> 'e' \"f\" %45 \\n $g `h` *"}),
    ("beaglexm01", {"ip": "10.0.0.3", "empty": ""}),
)
LINES = [f"{k}={v}" for _, data in DATA for k, v in data.items()]


def output(text, mark):
    """Return the lines between two lines `mark`."""
    return text.split(f"\n{mark}\n")[1].split("\n")


def test_wait_prints_and_caches(board):
    """lava-wait prints key=value lines byte for byte and writes sender:key=value to the cache."""
    board.group.answers["ready"] = Outcome(Status.DONE, DATA)
    text = board.run("echo; echo MARK; lava-wait ready; echo MARK")
    assert output(text, "MARK") == LINES
    assert board.cache.read_text().split("\n")[:-1] == [
        f"{sender}:{k}={v}" for sender, data in DATA for k, v in data.items()
    ]


def test_wait_all_prints_names(board):
    """lava-wait-all prints `name key=value`, and passes its role on."""
    board.group.answers["ready"] = Outcome(Status.DONE, DATA)
    text = board.run("echo; echo MARK; lava-wait-all ready server; echo MARK")
    assert output(text, "MARK") == [f"{s} {k}={v}" for s, data in DATA for k, v in data.items()]
    assert board.group.calls == [Call(Api.WAIT_ALL, "ready", role="server")]
    assert board.results() == {"multinode-wait_all-ready": "pass"}


def test_sync_prints_nothing(board):
    """lava-sync prints nothing and rewrites the cache."""
    board.cache.write_text("old\n")
    board.group.answers["go"] = Outcome(Status.DONE)
    text = board.run("echo; echo MARK; lava-sync go; echo MARK")
    assert text.split("MARK\n")[1] == ""
    assert board.cache.read_text() == ""


def test_seed_pipeline(board):
    """$(lava-wait x | cut -d = -f 2) works as the user's document prints it."""
    board.group.answers["server-ready"] = Outcome(
        Status.DONE, (("beaglexm01", {"ip": "10.0.0.3"}),)
    )
    text = board.run('server=$(lava-wait server-ready | cut -d = -f 2)\necho "server is $server."')
    assert "server is 10.0.0.3." in text


def test_exit_codes_and_reasons(board):
    """Every outcome has its exit code, and its message on stderr only."""
    for name, status in (("r", Status.REFUSED), ("t", Status.TIMEOUT), ("n", Status.NEVER)):
        board.group.answers[name] = Outcome(
            status, (), Cause.ABORTED, {"text": "'x y' is missing"}
        )
    text = board.run(
        "for i in r t n; do rc=0; lava-wait $i 2>>err || rc=$?; echo rc=$rc; done\ncat err"
    )
    assert [line for line in text.split("\n") if line.startswith("rc=")] == [
        "rc=1",
        "rc=3",
        "rc=4",
    ]
    assert text.count("is missing") == 3
    assert set(board.results().values()) == {"fail"}


def test_usage(board):
    """A wrong command line is exit code 2 and no call at all."""
    text = board.run(
        "\n".join(
            f"{line} || echo rc=$?"
            for line in (
                "lava-send",
                "lava-send k=v",
                "lava-send ''",
                "lava-send id word",
                "lava-send id =v",
                "lava-send id 'a b=v'",
                "lava-wait",
                "lava-wait a b",
                "lava-wait --timeout x a",
                "lava-wait --timeout= a",
                "lava-wait --timeout 1.2.3 a",
                "lava-wait a --timeout",
                "lava-wait --last a",
                "lava-wait-all",
                "lava-wait-all a b c",
                "lava-wait-all --next a",
                "lava-sync",
                "lava-sync a b",
                "lava-sync --next a",
                "lava-role x",
                "lava-group a b",
                "lava-send id \"a=$(printf 'x\\ny')\"",
            )
        )
    )
    assert text.count("rc=2\n") == 22
    assert "lava-wait: --timeout takes seconds, not 'x'" in text
    assert board.group.calls == []


def test_options(board):
    """--next and --timeout are transmitted, at any position."""
    board.group.answers["a"] = Outcome(Status.DONE)
    board.run(
        "lava-wait --next --timeout 5 a; lava-wait a --timeout=2.5; "
        "lava-sync --timeout 3 a; lava-wait-all --timeout 4 a server"
    )
    assert board.group.calls == [
        Call(Api.WAIT, "a", next=True, timeout=5.0),
        Call(Api.WAIT, "a", timeout=2.5),
        Call(Api.SYNC, "a", timeout=3.0),
        Call(Api.WAIT_ALL, "a", role="server", timeout=4.0),
    ]


def test_values_byte_for_byte(board):
    """Any text of one line gets through unchanged in both directions."""
    values = {
        "space": " two  spaces ",
        "html": "<a href='x'>&amp;</a>",
        "equals": "a=b==c",
        "empty": "",
        "percent": "100%040%",
        "back": "a\\b\\n\\0101",
        "quotes": "\"'`",
        "shell": "$(x) ${y} *?[a]",
        "comma": ",a,,b,",
        "tab": "a\tb",
        "dash": "-n",
        "tilde": "~root",
        "semi": "a;b|c&d#e!",
    }
    words = " ".join("'" + f"{k}={v}".replace("'", "'\\''") + "'" for k, v in values.items())
    board.group.answers["echo"] = Outcome(Status.DONE, (("panda02", values),))
    board.run(f"lava-send text {words}\nlava-wait echo >out\n")
    assert board.group.sent("text") == [values]
    out = next(board.lava.glob("*/tests/*/out"))
    assert out.read_text() == "".join(f"{k}={v}\n" for k, v in values.items())


def test_utf8(board):
    """UTF-8, and bytes that are not, get through in both directions."""
    value = "grüße 日本 \udcff\udc80."
    if board.shell == "yash":  # itself cuts text at what is no character of its locale
        board.locale = {"LC_ALL": "C.UTF-8"}
        value = "grüße 日本."
    board.group.answers["echo"] = Outcome(Status.DONE, (("panda02", {"k": value}),))
    raw = value.encode("utf-8", "surrogateescape")
    octal = "".join(f"\\{byte:03o}" for byte in raw)
    board.run(f"printf 'k={octal}' >in\nlava-send text \"$(cat in)\"\nlava-wait echo >out\n")
    out = next(board.lava.glob("*/tests/*/out"))
    assert out.read_bytes() == b"k=" + raw + b"\n"
    assert board.group.sent("text") == [{"k": value}]


def test_60_kb(board):
    """A message of 60 kB gets through in both directions, with bytes that need escapes."""
    value = "".join(chr(33 + i * 7 % 90) + " " * (i % 5 == 0) for i in range(50_000))
    board.group.answers["echo"] = Outcome(Status.DONE, (("panda02", {"k": value}),))
    directory = board.lava / "big"
    directory.write_text("k=" + value)
    board.run(f'lava-send text "$(cat {directory})"\nlava-wait echo >out\n')
    assert board.group.sent("text") == [{"k": value}]
    out = next(board.lava.glob("*/tests/*/out"))
    assert out.read_text() == f"k={value}\n"


def test_any_process_may_call(board):
    """Calls work in loops, pipes, the background, without stdin, terminal or environment."""
    board.group.answers["w"] = Outcome(Status.DONE, (("panda02", {"k": "v"}),))
    board.run(
        "printf 'a\\nb\\n' | while read -r x; do lava-send loop-$x; lava-wait w; done\n"
        "lava-send closed <&-\n"
        "lava-send quiet >/dev/null 2>&1\n"
        "lava-wait w | sed s/k/X/ | grep -q X=v && lava-send piped\n"
        "lava-send bg1 & lava-send bg2 & wait\n"
        "setsid sh -c 'lava-send session' || lava-send session\n"
        "env -i $LAVA_TEST_BIN/lava-send bare\n"
        "cd / && lava-send elsewhere\n"
    )
    assert {c.id for c in board.group.calls} == {
        "loop-a",
        "loop-b",
        "w",
        "closed",
        "quiet",
        "piped",
        "bg1",
        "bg2",
        "session",
        "bare",
        "elsewhere",
    }


def test_many_at_once(board):
    """Thirty processes that wait at once each get their own answer."""
    for n in range(30):
        board.group.answers[f"w{n}"] = Outcome(Status.DONE, (("panda02", {"n": str(n)}),))
    text = board.run(
        "n=0; while [ $n -lt 30 ]; do\n"
        '(got=$(lava-wait w$n); echo "<$n $got>") & n=$((n + 1))\n'
        "done; wait"
    )
    assert all(f"<{n} n={n}>" in text for n in range(30))


def test_a_call_whose_process_is_killed_is_taken_back(board, monkeypatch):
    """The wait of a killed process is cancelled; the definition continues."""
    monkeypatch.setattr(waits, "PROBE_INTERVAL_S", 0.2)
    submit, cancelled = board.group.submit, []

    def submit_and_cancel(call, on_outcome):
        submit(call, on_outcome)
        if {"never", "go"} <= set(board.group.waiting):
            board.group.release("go", Outcome(Status.DONE))

        def cancel():
            cancelled.append(call.id)
            board.group.release(call.id, refused("hung up"))
            board.group.answers["gone"] = Outcome(Status.DONE)
            if "gone" in board.group.waiting:
                board.group.release("gone", Outcome(Status.DONE))

        return cancel

    board.group.submit = submit_and_cancel
    steps = ["lava-wait never & pid=$!", "lava-wait go", "kill -9 $pid", "lava-wait gone"]
    board.run("\n".join([*steps, "echo still here"]))
    assert cancelled == ["never"]
    assert "still here" in board.console.seen.decode(errors="replace")


def test_set_e_ends_the_definition(board):
    """A call that fails ends a definition under set -e, and that is a failed result."""
    board.group.answers["x"] = Outcome(
        Status.NEVER, (), Cause.PEER_LOST, {"losses": (Loss("panda02", "panic", 0),)}
    )
    text = board.run("lava-wait x\necho not-reached")
    assert "\nnot-reached" not in text
    assert board.results() == {"multinode-wait-x": "fail", "lava-test-shell-run": "fail"}


def test_identity(board):
    """lava-self, lava-role and lava-group print the values of the environment."""
    text = board.run(
        "echo; echo MARK; lava-self; lava-role; lava-role list; lava-group; lava-group client;\n"
        "lava-group absent || echo rc=$?; for p in $(lava-group | cut -f 1); do echo p $p; done\n"
        "env -i $LAVA_TEST_BIN/lava-self\necho MARK"
    )
    assert output(text, "MARK") == [
        "panda01",
        "client",
        "client",
        "client",
        "server",
        "panda01\tclient",
        "panda02\tclient",
        "beaglexm01\tserver",
        "panda01",
        "panda02",
        "lava-group: no device has the role 'absent'",
        "rc=1",
        "p panda01",
        "p panda02",
        "p beaglexm01",
        "panda01",
    ]


def test_cache_that_cannot_be_written(board):
    """Calls work even if the cache file is not writable, for example as another user."""
    board.cache.mkdir()
    board.group.answers["w"] = Outcome(Status.DONE, (("panda02", {"k": "v"}),))
    board.group.answers["s"] = Outcome(Status.DONE)
    text = board.run("lava-wait w; lava-sync s; echo rc=$?")
    assert "\nk=v\n" in text
    assert "\nrc=0\n" in text


def test_existing_ways(board):
    """Usages of the calls in published definitions work unchanged."""
    data = (("beaglexm01", {"ip": "10.0.0.3", "port": "80"}),)
    board.group.answers["ready"] = Outcome(Status.DONE, data)
    board.group.answers["go"] = Outcome(Status.DONE)
    board.group.answers["all"] = Outcome(Status.DONE, (("panda02", {"n": "2"}), *data))
    board.group.answers["no"] = Outcome(
        Status.TIMEOUT, (), Cause.TIMEOUT, {"sentence": "lava-wait no: panda02"}
    )
    text = board.run(
        "set -e\n"
        "echo; echo MARK\n"
        'ip=$(lava-wait ready | sed -n s/^ip=//p); echo "1 $ip"\n'
        "lava-wait ready </dev/null | while read -r line; do echo 2 $line; done\n"
        "lava-wait-all all | { while IFS='= ' read -r sender key value; do\n"
        'lava-send "saw-$sender" "$key=$value"; done; }\n'
        "cut -d = -f 2 $LAVA_MULTI_NODE_CACHE | sed 's/^/3 /'\n"
        "grep beaglexm01:ip $LAVA_MULTI_NODE_CACHE | awk -F = '{ print 4, $NF }'\n"
        "lava-sync go >out & pid=$!; wait $pid; test ! -s out\n"
        "if lava-wait no 2>/dev/null; then echo no; else echo 5 $?; fi\n"
        "lava-test-case shell --shell lava-wait ready\n"
        "lava-test-case fails --shell lava-wait no\n"
        'lava-test-case one --shell "lava-wait ready | grep -q port"\n'
        "printf 'x\\ny\\n' | while read -r id; do lava-test-case $id --result pass; done\n"
        "echo MARK\n"
    )
    assert [line for line in output(text, "MARK") if line[:1].isdigit()] == [
        "1 10.0.0.3", "2 ip=10.0.0.3", "2 port=80", "3 2", "3 10.0.0.3", "3 80",
        "4 10.0.0.3", "5 3",
    ]  # fmt: skip
    assert board.group.sent("saw-panda02") == [{"n": "2"}]
    assert board.group.sent("saw-beaglexm01") == [{"ip": "10.0.0.3"}, {"port": "80"}]
    results = board.results()
    assert (results["shell"], results["fails"], results["one"]) == ("pass", "fail", "pass")
    assert (results["x"], results["y"]) == ("pass", "pass")
