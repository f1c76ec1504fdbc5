"""The message-flow check."""

from pathlib import Path

import pytest

from lava_dispatcher_multinode.job.flow import Script, check_flow, collect_scripts
from lava_dispatcher_multinode.job.model import ActionSpec, Calls, Job, Position, Role
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import load

SHELL = ActionSpec("lava_test_shell")
CALLS = {
    "lava_test_shell": Calls.TESTS,
    "multinode": Calls.OWN,
    "deploy_linaro_image": Calls.NONE,
    "boot_linaro_image": Calls.NONE,
    "submit_results": Calls.NONE,
}


def check(job, scripts):
    """Check a job of actions that make the `CALLS`; others may make any."""
    return check_flow(job, scripts, lambda spec: CALLS.get(spec.command, Calls.ANY))


def warnings(scripts, *actions, **counts):
    """Return the warnings of a job whose roles run these texts, one board each by default."""
    roles = tuple(Role(name, count=counts.get(name, 1)) for name in scripts)
    job = Job("j", 60.0, roles, actions or (SHELL,))
    texts = {
        role: [Script(f"{role}.sh", text)] for role, text in scripts.items() if text is not None
    }
    return [str(problem) for problem in check(job, texts)]


SERVER = "iperf -s &\nlava-send server-ready ip=$(get-my-ip)\nlava-wait client-done\n"
CLIENT = (
    "server=$(lava-wait server-ready | cut -d = -f 2)\niperf -c $server\nlava-send client-done"
)


def test_the_documents_first_example_is_right():
    """Client and server meet twice."""
    assert warnings({"client": CLIENT, "server": SERVER}) == []


def test_the_documents_other_examples_are_right():
    """Rendezvous by all, whatever their number."""
    server = "start-server\nlava-sync ready\nlava-sync done"
    client = "server=$(lava-group | grep 'server$' | cut -f 1)\n" + server
    assert warnings({"server": server, "client": client}, client=3) == []
    assert warnings({"peer": "lava-sync running\nlava-sync finished"}, peer=2) == []


def test_waited_for_and_never_sent():
    """With the name that was meant, at its line."""
    assert warnings({"client": CLIENT, "server": SERVER.replace("y ip", " ip")}) == [
        (
            "client.sh:1:1: warning: lava-wait server-ready: no other node sends it "
            "(did you mean 'server-read'?)"
        ),
        (
            "server.sh:2:1: warning: lava-send server-read: no other node waits for it "
            "(did you mean 'server-ready'?)"
        ),
    ]


def test_a_node_does_not_satisfy_its_own_wait():
    """A board does not receive its own message; a second board of the role does."""
    both = "lava-send a\nlava-wait a"
    assert any("lava-wait a" in text for text in warnings({"x": both, "y": "true"}))
    assert warnings({"x": both}, x=2) == []


def test_a_group_of_one_cannot_wait():
    """Without other boards, a send and a wait for all boards are harmless."""
    assert len(warnings({"x": "lava-wait a"})) == 1
    assert warnings({"x": "lava-wait-all a; lava-send b; lava-sync c"}) == []


def test_wait_all_needs_every_role():
    """A wait for all boards needs a message of every role."""
    (warning,) = warnings({"a": "lava-wait-all x", "b": "lava-send x", "c": "true"})
    assert "lava-wait-all x: 'a' waits for 'c', where nothing sends it" in warning
    assert warnings({"a": "lava-wait-all x b", "b": "lava-send x", "c": "true"}) == []


def test_wait_all_of_a_role():
    """A role that never sends, and an unknown role."""
    (warning,) = warnings({"a": "lava-wait-all x c", "b": "lava-send x", "c": "true"})
    assert "lava-wait-all x c: 'c' never sends it" in warning
    (warning,) = warnings({"a": "lava-wait-all x clint", "client": "lava-send x"})
    assert "unknown role 'clint' (did you mean 'client'?)" in warning


def test_wait_all_of_the_own_role():
    """The other boards of the own role count; a single board of a role waits for none."""
    assert warnings({"a": "lava-wait-all x a", "b": "true"}) == []
    assert warnings({"a": "lava-wait-all x a; lava-send x"}, a=2) == []


def test_a_rendezvous_that_a_role_never_reaches():
    """A sync that one role does not make hangs; a send satisfies the sync of another role."""
    (warning,) = warnings({"a": "lava-sync x", "b": "lava-sync x", "c": "true"}, a=2, b=2)[:1]
    assert "lava-sync x: 'a' waits for 'c'" in warning
    assert warnings({"a": "lava-sync x", "b": "lava-send x; lava-wait-all x"}) == []


@pytest.mark.parametrize(
    "unclear",
    ["lava-send $x", "lava-send 'x'-$(lava-self)", "./program", "python3 client.py",
     "$cmd", "eval $x", "echo a | xargs lava-send", ". /opt/lib", "notify() { lava-send $1; }",
     "# lava-send ready, later", "sh -c 'lava-send ready'", "echo 'no end"],
)  # fmt: skip
def test_no_alarm_where_the_text_does_not_show_it(unclear):
    """A board that may send counts as one that sends."""
    assert warnings({"a": "lava-wait ready", "b": unclear}) == []


def test_a_role_without_texts_may_do_anything():
    """Unreadable definitions may make any call; a role without definitions makes none."""
    assert warnings({"a": "lava-wait x", "b": None}) == []
    shell_of_a = ActionSpec("lava_test_shell", roles=frozenset({"a"}))
    assert len(warnings({"a": "lava-wait x", "b": None}, shell_of_a)) == 1


def test_an_action_that_is_not_ours_may_do_anything():
    """A third-party action may make any call."""
    theirs = ActionSpec("press", roles=frozenset({"b"}))
    assert warnings({"a": "lava-wait x", "b": "true"}, SHELL, theirs) == []


def test_calls_of_the_dispatcher_count():
    """The multinode action sends and waits as scripts do, and is found in the job file."""

    def call(role, request):
        return ActionSpec(
            "multinode", {"request": request, "message_id": "x"}, frozenset({role}),
            positions={("message_id",): Position("job.json", 7, 3)},
        )  # fmt: skip

    assert warnings({"a": "lava-wait x", "b": "true"}, SHELL, call("b", "lava-send")) == []
    (warning,) = warnings({"a": "true", "b": "true"}, SHELL, call("b", "lava-wait"))
    assert warning == "job.json:7:3: warning: lava-wait x: no other node sends it"


def test_the_same_call_is_reported_once():
    """A loop written out is one warning."""
    assert len(warnings({"a": "lava-wait x\nlava-wait x", "b": "true"})) == 1


def test_a_call_with_wrong_words_is_reported_once():
    """One warning per file, also if several roles run it; `lava-sync` may have any ID."""
    both = "lava-sync\nlava-sync a"
    assert warnings({"client": both, "server": both}) == [
        f"{role}.sh:1:1: warning: lava-sync: the ID is missing" for role in ("client", "server")
    ]
    roles = tuple(Role(name) for name in ("client", "server"))
    texts = {role.name: [Script("both.sh", both)] for role in roles}
    assert len(check(Job("j", 60.0, roles, (SHELL,)), texts)) == 1


def test_places_of_steps():
    """A step of a definition has its position in the definition's file."""
    job = Job("j", 60.0, (Role("a"),), (SHELL,))
    step = Script("step 1", "true\nlava-wait x", "def.yaml", 9, 7)
    (problem,) = check(job, {"a": [step]})
    assert (problem.file, problem.line, problem.column) == ("def.yaml", 10, 1)
    (problem,) = check(job, {"a": [Script("step 1", "lava-wait x", "def.yaml", 9, 7)]})
    assert (problem.line, problem.column) == (9, 7)
    (problem,) = check(job, {"a": [Script("step 1", "lava-wait x", "def.yaml", 0)]})
    assert str(problem).startswith("def.yaml: warning: lava-wait x")


FILES = {"./run-server.sh": ". ./lib.sh\n./helper", "./lib.sh": "./run-server.sh", "./helper": ""}


def read(name):
    """Return a file of the definition."""
    return Script(name, FILES[name], name) if name in FILES else None


def test_collect_follows_scripts_to_their_end():
    """By role, each once, also when they call each other."""
    step = Script("step", "./run-$(lava-role).sh; ./missing")
    found = collect_scripts("server", [step], read)
    assert [script.name for script in found] == ["step", "./run-server.sh", "./helper", "./lib.sh"]
    assert [script.name for script in collect_scripts("client", [step], read)] == ["step"]


def test_collect_is_bounded():
    """An endless chain of scripts is cut."""

    def more(name):
        return Script(name, f"./{len(name) * 'x'}y.sh")

    assert len(collect_scripts("a", [Script("s", "./a.sh")], more)) == 200


EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("name", ["client-server", "variable-clients", "peer-to-peer"])
def test_the_shipped_examples_raise_no_alarm_and_a_slip_in_them_does(name):
    """The examples have no warning; a wrong call in them has one, with its position."""
    job, _ = parse_job(load(EXAMPLES / f"{name}.json"))
    (repo,) = job.actions[-1].parameters["testdef_repos"]
    root = EXAMPLES / repo["git-repo"]
    definition = load(root / repo["testdef"])

    def texts(change):
        def read(name):
            for file in (definition.directory / name, *root.rglob(Path(name).name)):
                if file.is_file():
                    return Script(name, change(file.read_text()), str(file))
            return None

        steps = [Script("step", text) for text in definition.data["run"]["steps"]]
        return {role.name: collect_scripts(role.name, steps, read) for role in job.roles}

    assert check(job, texts(lambda text: text)) == []
    wrong = check(job, texts(lambda text: f"{text}\nlava-wait never-sent\n"))
    # The peers compute an ID ("data-of-$(lava-self)"), so they cause no warning.
    computes = name == "peer-to-peer"
    expected = set() if computes else {"lava-wait never-sent: no other node sends it"}
    assert {problem.message for problem in wrong} == expected
