"""report.html is complete and self-contained, and console text cannot alter it."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.html import html_report
from lava_dispatcher_multinode.report.inputs import ReportInputs
from lava_dispatcher_multinode.report.results import Results

VOID = {"meta"}


class Page(HTMLParser):
    """What is on a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.stack, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        """Note a tag and its links."""
        self.tags.append(tag)
        names = dict(attrs)
        assert not any(name.startswith("on") for name in names)
        self.links += [names[name] for name in ("href", "src") if name in names]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Note an empty tag."""
        self.tags.append(tag)

    def handle_endtag(self, tag):
        """Close what is open."""
        assert self.stack.pop() == tag

    def handle_data(self, data):
        """Note the words."""
        self.words.append(data)


def test_page_has_the_facts_of_the_run(whole_story):
    """The page has nodes, results, waits and the reason of the failure."""
    page = Page(html_report.render(Results.of(whole_story)))
    words = " ".join(page.words)
    for word in (
        "ping",
        "exit code 3",
        "panda01",
        "server",
        "beaglexm",
        "kernel panic",
        "iperf <b>",
        "3.5 ms",
        "0.250",
        "lava-wait ready",
        "5.000",
    ):
        assert word in words
    assert {"nodes/panda01/console.log", "nodes/panda01/console.raw"} <= set(page.links)


def test_page_needs_nothing_else(whole_story):
    """It can be mailed: no script, font, picture or style from elsewhere, by its own policy."""
    text = html_report.render(Results.of(whole_story))
    page = Page(text)
    assert not {"img", "link", "iframe", "object"} & set(page.tags)
    assert all(link.startswith("nodes/") for link in page.links)
    assert "default-src 'none'" in text
    assert "connect-src 'none'" in text
    assert "unsafe" not in text.partition("</head>")[0].partition("<style>")[0]


def test_answers_come_first(whole_story, tmp_path):
    """The summary is at the top: first failures, output, waits, messages, changes."""
    log = tmp_path / "nodes" / "panda02" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    5.900000] iperf: connection refused\n[    9.900000] later\n")
    after, before = Results.of(whole_story), Results.of(whole_story[:-9])
    text = html_report.render(after, ReportInputs(Consoles(tmp_path), before))
    top = text[text.index('id="story"') : text.index('id="timeline"')]
    for words in (
        "First failure of each node",
        ">panda02 at 6.000 s</a>: 0_smoke net iperf &lt;b&gt;",
        "iperf: connection refused",
        "Waits for panda02",
        "\N{RIGHTWARDS ARROW} panda02",
        "Changes since the other run",
    ):
        assert words in top
    assert "later" not in top


def test_unfinished_run_is_marked(story):
    """The page of an unfinished run is marked as such."""
    words = " ".join(Page(html_report.render(Results.of(story.start().events))).words)
    assert "not finished" in words
    assert "cut off" in words


def test_hostile_names_stay_text(story):
    """Text from boards is escaped."""
    evil = "\"><script>alert(1)</script><a href='javascript:x'>"
    story.start({evil: {"role": evil, "device_type": evil}}).action(evil, evil, "error", evil)
    story.message(evil, evil).wait(evil, "never", evil, id=evil).case(evil, evil, set=evil)
    page = Page(html_report.render(Results.of(story.end(evil, "error", "bug", evil).events)))
    assert page.tags.count("script") == 2  # the data and our own
    assert all(link.startswith("nodes/%22%3E%3Cscript") for link in page.links)


@given(st.data())
def test_any_events_make_a_page(event_lists, data):
    """Any kinds, any order, cut anywhere, any characters: the tags still match."""
    Page(html_report.render(Results.of(data.draw(event_lists))))


def test_times_are_for_people(story):
    """The day and the time in UTC, whatever zone the events have; how long it took."""
    story.start().events[0]["started"] = "2026-11-22T15:00:00.123+01:00"
    text = html_report.render(Results.of(story.at(75).finish().events))
    assert "1 min 15 s \N{MIDDLE DOT} 2026-11-22 14:00:00 UTC" in text
