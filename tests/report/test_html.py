"""report.html: complete, self-contained, and deaf to what boards say."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.report import html
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


def test_page_tells_the_run(whole_story):
    """Nodes, results, waits and the reason of the failure are all there to read."""
    page = Page(html.render(Results.of(whole_story)))
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
    """It can be mailed: no script, no font, no picture, no style from elsewhere."""
    text = html.render(Results.of(whole_story))
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert all(link.startswith("nodes/") for link in page.links)
    assert "http://" not in text
    assert "https://" not in text


def test_unfinished_run_says_so(story):
    """A page made of half a run does not look like a whole one."""
    words = " ".join(Page(html.render(Results.of(story.start().events))).words)
    assert "not finished" in words
    assert "cut off" in words


def test_hostile_names_stay_text(story):
    """A board's words are shown, never obeyed."""
    evil = "\"><script>alert(1)</script><a href='javascript:x'>"
    story.start({evil: {"role": evil, "device_type": evil}}).action(evil, evil, "error", evil)
    story.message(evil, evil).wait(evil, "never", evil, id=evil).case(evil, evil, set=evil)
    page = Page(html.render(Results.of(story.end(evil, "error", "bug", evil).events)))
    assert "script" not in page.tags
    assert all(link.startswith("nodes/%22%3E%3Cscript") for link in page.links)


def test_name_that_is_no_text_has_a_page(story):
    """A lone surrogate cannot be part of a link; the page is made all the same."""
    page = Page(html.render(Results.of(story.start({"\ud800": {}}).events)))
    assert "nodes/%3F/console.log" in page.links


@given(st.data())
def test_any_events_make_a_page(event_lists, data):
    """Any kinds, any order, cut anywhere, any characters: the tags still match."""
    Page(html.render(Results.of(data.draw(event_lists))))
