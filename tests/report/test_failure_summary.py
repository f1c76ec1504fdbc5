"""The summary of a run: one sentence per group of equal failures, not per node."""

from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.failure_summary import ConsoleLink, summarise_failures
from lava_dispatcher_multinode.report.results import Results


def told(events, question, directory=None, changes=None):
    """Return the sentences of one answer as text."""
    answers = summarise_failures(Results.of(events), Consoles(directory), changes)
    (answer,) = (answer for answer in answers if answer.heading == question)
    return [
        "".join(p.text if isinstance(p, ConsoleLink) else p for p in s) for s in answer.sentences
    ]


def test_the_first_failure_comes_first(whole_story):
    """Before that of every other node, each with its time and reason."""
    first, then = told(whole_story, "First failure of each node")
    assert first == "panda02 at 6.000 s: 0_smoke net iperf <b>"
    assert then == "then beaglexm01 at 7.000 s: lava_test_shell: kernel panic"


def test_failures_with_one_reason_are_one_sentence(story):
    """Failures that follow from one dead board are one sentence."""
    names = [f"panda{number:02}" for number in range(1, 12)]
    story.start({name: {"role": "peer"} for name in names})
    story.at(1).action("panda01", status="error", error="kernel panic")
    for name in names[1:]:
        story.at(2).wait(name, "never", "panda01 failed: kernel panic")
    story.end("panda01", "error", "infrastructure", "kernel panic")
    first, then = told(story.finish(3).events, "First failure of each node")
    assert first.startswith("panda01 at 1.000 s: ")
    assert then.startswith("then panda02 at 4.000 s, panda03 at 4.000 s, ")
    assert then.endswith(" and 4 more: lava-wait ready: panda01 failed: kernel panic")


def test_deadlock_is_one_sentence(deadlock):
    """A deadlock is one sentence, whichever calls it involves."""
    (sentence,) = told(deadlock, "First failure of each node")
    assert sentence.startswith(
        "panda01 at 3.000 s, panda02 at 3.000 s: lava-wait a; "
        "beaglexm01 at 3.000 s: lava-wait b; each: deadlock: panda01 waits for 'x'"
    )


def test_a_wait_has_its_duration_and_outcome(story):
    """In words, not in the outcome's short name."""
    story.start().at(1).case("panda01", result="fail")
    story.at(2).wait("panda02", "never", "panda01 failed").at(2).wait("beaglexm01", "timeout")
    assert told(story.finish(1).events, "Waits for panda01") == [
        "panda02 from 2.000 s: lava-wait ready: waited 2.000 s, unsatisfiable",
        "beaglexm01 from 2.000 s: lava-wait ready: waited 2.000 s, timed out",
    ]


def test_what_it_printed_has_a_link_to_its_console(whole_story, tmp_path):
    """The excerpt is short; the rest is one click away."""
    log = tmp_path / "nodes" / "panda02" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    5.900000] iperf: connection refused\n")
    question = "Output of panda02"
    assert told(whole_story, question, tmp_path) == ["Console at 6.000 s:"]
    assert told(whole_story, question) == ["No console output before the failure."]


def test_messages_have_their_senders_and_receivers(whole_story):
    """Senders and receivers of each ID."""
    assert told(whole_story, "Messages") == ["ready: panda01 \N{RIGHTWARDS ARROW} panda02"]


def test_a_run_without_failure(story):
    """A run without failures has a short summary."""
    story.start({"panda01": {}}).action("panda01").case("panda01")
    events = story.end("panda01").finish().events
    assert told(events, "Failures") == ["None. Result: passed."]
    assert told(events, "Changes since the other run", changes=[]) == ["None."]
