"""The files of a run directory are written during the run, atomically, and read back."""

import json
from pathlib import Path

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.report import files
from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.document import build_document
from lava_dispatcher_multinode.report.failures import find_failures
from lava_dispatcher_multinode.report.inputs import ReportInputs
from lava_dispatcher_multinode.report.results import Results
from lava_dispatcher_multinode.run.events import encode


def write(path, events):
    """Write an event log."""
    path.write_bytes(b"".join(encode(event) for event in events))


def test_run_directory_has_its_reports(tmp_path, whole_story):
    """At the end, all three files exist and agree."""
    recorder = files.ReportWriter(tmp_path)
    for event in whole_story:
        recorder(event)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "results.json",
        "results.xml",
    ]
    document = json.loads((tmp_path / "results.json").read_text())
    assert document == build_document(Results.of(whole_story))
    assert (tmp_path / "results.xml").read_text() == files.render(recorder.results, "junit")
    source = ReportInputs(Consoles(tmp_path))
    assert (tmp_path / "report.html").read_text() == files.render(recorder.results, "html", source)


def test_results_are_there_before_the_end(tmp_path, whole_story):
    """A run that is killed leaves what had happened by then."""
    recorder = files.ReportWriter(tmp_path, clock=lambda: 0.0)  # writing takes no time: no rest
    for event in whole_story[:-1]:
        recorder(event)
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["finished"] is None
    assert document["nodes"]["panda02"]["status"] == "fail"
    assert len(document["nodes"]["panda02"]["results"]) == 3


def test_writing_takes_a_small_share_of_a_long_run(tmp_path, story, monkeypatch):
    """Forty nodes with many actions do not write everything at every action."""
    now = [0.0]
    writes = []

    def write_slowly(recorder, *, durable=True):
        now[0] += 0.5
        writes.append(durable)

    monkeypatch.setattr(files.ReportWriter, "write", write_slowly)
    recorder = files.ReportWriter(tmp_path, clock=lambda: now[0])
    for number in range(1000):
        story.action(f"panda{number % 40:02}", index=number)
    for event in story.finish().events:
        now[0] += 0.05
        recorder(event)
    assert 0.5 * len(writes) < 0.06 * now[0]
    assert len(writes) > 5
    assert writes[-1] is True  # the last one is never left out, and survives a power cut
    assert not any(writes[:-1])


def test_test_cases_alone_write_nothing(tmp_path, story):
    """Ten thousand cases are not ten thousand files."""
    recorder = files.ReportWriter(tmp_path, clock=lambda: 0.0)
    for event in story.case("panda01").events:
        recorder(event)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_made_is_known(tmp_path, whole_story, monkeypatch):
    """A report that cannot be written is recorded, for the exit code of the run."""

    def broken(_results, _kind, _source):
        raise MemoryError

    recorder = files.ReportWriter(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(files, "render", broken)
        with pytest.raises(MemoryError):
            recorder(whole_story[-1])
        assert isinstance(recorder.failure, MemoryError)
    recorder.write()
    assert recorder.failure is None


def test_write_atomic_leaves_the_old_file_when_it_fails(tmp_path, monkeypatch):
    """A full disk costs the new report, not the old one, and leaves no litter."""
    path = tmp_path / "results.json"
    files.write_atomic(path, "old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_atomic_takes_any_text(tmp_path):
    """A lone surrogate from a board's bytes is no reason to lose a report."""
    files.write_atomic(tmp_path / "a", "ä\udc80")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa4\\udc80"


def test_events_read_back_as_written(tmp_path, whole_story):
    """The files can be made from the event log alone."""
    write(tmp_path / "events.jsonl", whole_story)
    assert list(files.read_events(tmp_path / "events.jsonl")) == whole_story
    assert build_document(files.read_results(tmp_path)) == build_document(Results.of(whole_story))


def test_log_can_be_cut_anywhere(tmp_path, whole_story):
    """A run killed in the middle of a write is reported on, up to its last whole event."""
    path = tmp_path / "events.jsonl"
    write(path, whole_story)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert list(files.read_events(path)) == whole_story[: whole[:cut].count(b"\n")]


@pytest.mark.parametrize(
    "line", [b"{torn\n", b"[]\n", b'{"t":1}\n', b"\xff\n", b"[" * 5000 + b"\n"]
)
def test_line_that_is_no_event_is_named(tmp_path, line):
    """A file of another kind is refused with its line, not half read."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"t":0,"event":"step"}\n' + line + b'{"t":0,"event":"step"}\n')
    with pytest.raises(InvalidJob, match=r"events\.jsonl:2:1: this line is not an event"):
        list(files.read_events(path))


def test_missing_log_is_a_clear_error(tmp_path):
    """A wrong directory is named."""
    with pytest.raises(InvalidJob, match=r"events\.jsonl: No such file or directory"):
        files.read_results(tmp_path)


def test_unknown_kind_of_report():
    """Only what there is can be rendered."""
    assert set(files.FORMATS) == {"html", "json", "junit", "kcidb", "squad", "tap"}
    with pytest.raises(KeyError):
        files.render(Results(), "pdf")


def test_old_events_still_make_every_report():
    """An earlier version counted in `missing` and had no cause: each sentence stands once."""
    data = Path(__file__).parents[1] / "data" / "old-events.jsonl"
    events = [json.loads(line) for line in data.read_text().splitlines()]
    results = Results.of(events)
    source = ReportInputs(Consoles(Path("/nowhere")))
    reports = {kind: files.render(results, kind, source) for kind in files.FORMATS}
    assert all(reports.values())
    reason = "lava-wait-all ready: panda01 failed: kernel panic"
    assert str(find_failures(results)[2]) == reason
    assert build_document(results)["nodes"]["panda02"]["error"] == reason
    assert "panda01, 8 more, 2 not yet joined" in reports["html"]
