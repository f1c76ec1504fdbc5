"""report.html in a browser: its parts, links and keys, and that it runs no foreign script."""

import functools

import pytest

from lava_dispatcher_multinode.report import consoles, timeline
from lava_dispatcher_multinode.report.changes import find_changes
from lava_dispatcher_multinode.report.consoles import Consoles
from lava_dispatcher_multinode.report.html import html_report
from lava_dispatcher_multinode.report.inputs import ReportInputs
from lava_dispatcher_multinode.report.results import Results

pytestmark = pytest.mark.slow

HOSTILE = (
    "</script><script>window.owned=1</script><img src=x onerror=window.owned=2>\x00\u202e\x1b[2J"
)


@pytest.fixture
def write(tmp_path):
    """Write a report; return its URL."""

    def write(events, logs=None, **more):
        for node, text in (logs or {}).items():
            log = tmp_path / "nodes" / node / "console.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(text.encode("utf-8", "surrogatepass"))
        path = tmp_path / "report.html"
        results = Results.of(events)
        path.write_text(
            html_report.render(results, ReportInputs(Consoles(tmp_path), **more)), encoding="utf-8"
        )
        return path.as_uri()

    return write


@pytest.fixture
def logs():
    """The consoles of the whole story, 20 lines a second."""
    return {
        name: "".join(f"[{n / 20:12.6f}] {name} says {n}\n" for n in range(200))
        for name in ("panda01", "panda02", "beaglexm01")
    }


@pytest.fixture
def page(browser):
    """A tab that must have no errors at the end."""
    tab = browser.page()
    yield tab
    assert tab.problems == []


def shown(page, node):
    """Return the lines in view of one console column."""
    return page.js(
        f"(v => [...v.querySelectorAll('.row')].filter(r => r.getBoundingClientRect().bottom >"
        f" v.getBoundingClientRect().top && r.getBoundingClientRect().top <"
        f" v.getBoundingClientRect().bottom).map(r => r.textContent))"
        f"(document.querySelector('[aria-label=\"console of {node}\"]'))"
    )


def ready(page, url):
    """Open a report and wait for its consoles."""
    page.open(url)
    page.until("document.querySelectorAll('.column .row').length")
    page.settle()


def test_first_failure_and_its_console_are_there_at_once(page, write, whole_story, logs):
    """Without a click, it shows the first failure, with that second of its console marked."""
    ready(page, write(whole_story, logs))
    assert "panda02 at 6.000 s" in page.js("document.getElementById('story').innerText")
    marked = page.js("[...document.querySelectorAll('.row.marked')].map(r => r.textContent)")
    assert any(line.endswith("panda02 says 120") for line in marked)
    assert len(marked) == 3  # the others at the same second


def test_link_leads_to_that_second_of_all_consoles(page, write, whole_story, logs):
    """One click from the summary; every column shows the same time."""
    ready(page, write(whole_story, logs))
    page.click("#story a[data-node=beaglexm01]")
    page.until("document.querySelector('.row.marked').textContent.includes('says 140')")
    for node in logs:
        assert any(line.endswith(f"{node} says 140") for line in shown(page, node))
    assert page.js("location.hash") == "#beaglexm01@7.000"


def test_item_of_the_timeline_opens_its_console(page, write, whole_story, logs):
    """A click on a failed case opens the console at that time."""
    ready(page, write(whole_story, logs))
    page.click("#lanes .item.case.fail")
    assert "iperf <b>: fail" in page.js("document.getElementById('detail').innerText")
    assert any(line.endswith("panda02 says 120") for line in shown(page, "panda02"))


def test_arrow_goes_from_sender_to_the_one_released(page, write, whole_story):
    """One wait, one message, one arrow downwards to a later time."""
    page.open(write(whole_story))
    (arrow,) = page.js(
        "[...document.querySelectorAll('#lanes .arrow')].map(a =>"
        " ['x1', 'x2', 'y1', 'y2'].map(n => Number(a.getAttribute(n))))"
    )
    assert arrow[0] < arrow[1]
    assert arrow[2] < arrow[3]


def test_above_the_limit_a_wait_has_one_arrow_until_it_is_selected(
    page, write, story, monkeypatch
):
    """The page takes the limit from the data."""
    monkeypatch.setattr(timeline, "MAX_ARROWS", 1)
    story.start().at(1).message("beaglexm01").at(2).message("panda01").at(3).wait("panda02")
    page.open(write(story.finish().events))
    arrows = "document.querySelectorAll('#lanes .arrow').length"
    assert page.js(arrows) == 1
    page.click("#lanes .item.wait")
    assert page.js(arrows) == 2


def test_scrolling_one_console_takes_the_others_along(page, write, whole_story, logs):
    """The consoles scroll by time, not by line."""
    logs["panda02"] = "".join(f"[{n / 100:12.6f}] dense {n}\n" for n in range(1000))
    ready(page, write(whole_story, logs))
    page.js("document.querySelector('[aria-label=\"console of panda02\"]').scrollTop = 200 * 18")
    page.until("document.querySelector('[aria-label=\"console of panda01\"]').scrollTop < 41 * 18")
    page.settle()
    assert shown(page, "panda01")[0].endswith("panda01 says 40")


def test_search_finds_in_all_consoles_in_order(page, write, whole_story, logs):
    """Hits of every node by time; each leads to its line."""
    ready(page, write(whole_story, logs))
    page.key("/")
    page.send("Input.insertText", text="SAYS 7")
    page.key("Enter")
    page.until("document.getElementById('hits').textContent")
    assert page.js("document.getElementById('hits').textContent") == "1 of 33"
    page.key("Enter")
    assert page.js("document.getElementById('hits').textContent") == "2 of 33"
    assert any("says 7" in line for line in shown(page, "panda02"))


def test_keys_are_enough(page, write, whole_story, logs):
    """To the chart, from item to item, to the console, the next failure, the help and out."""
    ready(page, write(whole_story, logs))
    page.js("document.getElementById('chart').focus()")
    page.key("ArrowRight")
    first = page.js("document.getElementById('detail').innerText")
    page.key("ArrowDown")
    assert first.startswith("panda01")
    assert page.js("document.getElementById('detail').innerText").startswith("panda02")
    page.key("Enter")
    assert page.js("location.hash").startswith("#panda02@")
    page.key("n")
    assert "fail" in page.js("document.getElementById('detail').innerText")
    page.key("?")
    assert page.js("document.getElementById('help').open") is True
    page.key("Escape")
    assert page.js("document.getElementById('help').open") is False


def test_focus_is_seen_and_in_order(page, write, whole_story, logs):
    """Tab visits the parts in order: summary, tools, chart, consoles, tables."""
    ready(page, write(whole_story, logs))
    seen = []
    for _ in range(60):
        page.key("Tab")
        seen.append(
            page.js("document.activeElement.closest('section, #tools')?.id ?? ''"),
        )
    order = [part for part in dict.fromkeys(seen) if part]
    assert order == [p for p in ("story", "tools", "timeline", "consoles", "tables") if p in order]
    assert len(order) >= 4
    page.js("document.querySelector('#tools button').focus()")
    page.key("Tab")
    assert page.js("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_zoom_and_pan(page, write, whole_story):
    """Plus halves what is in view, minus undoes it, the axis follows."""
    page.open(write(whole_story))
    labels = "[...document.querySelectorAll('#axis text')].map(t => parseFloat(t.textContent))"
    whole = page.js(labels)
    page.key("+")
    near = page.js(labels)
    assert max(near) - min(near) < 0.7 * (max(whole) - min(whole))
    page.key("]")
    assert min(page.js(labels)) > min(near)
    page.key("0")
    assert page.js(labels) == whole


def test_filters_apply_to_chart_and_tables(page, write, whole_story):
    """By node, role, result and text."""
    page.open(write(whole_story))
    rows = (
        "[...document.querySelectorAll('#tables tbody tr:not([hidden])')].map(r => r.dataset.of)"
    )
    lanes = "document.querySelectorAll('#lanes .lane').length"

    def choose(name, value):
        page.js(
            f"(s => {{ s.value = {value!r}; s.dispatchEvent(new Event('change')); }})"
            f"(document.getElementById('filter-{name}'))"
        )
        page.settle()

    choose("role", "client")
    assert set(page.js(rows)) == {"panda02", "beaglexm01"}
    assert page.js(lanes) == 2
    choose("role", "")
    choose("node", "panda01")
    assert set(page.js(rows)) == {"panda01"}
    choose("node", "")
    choose("result", "failed")
    assert page.js("document.querySelectorAll('#lanes .item.pass').length") == 0
    failed = "[...document.querySelectorAll('#lanes .item')].map(i => i.classList[1])"
    assert sorted(page.js(failed)) == ["action", "action", "case"]


def test_hostile_words_are_text(page, write, story):
    """Names, results and consoles cannot run anything, nor end the element that they are in."""
    name = "</script><b>"
    story.start({name: {"role": HOSTILE, "device_type": HOSTILE}, "a": {}})
    story.case("a", HOSTILE, set=HOSTILE).action("a", HOSTILE, "error", HOSTILE)
    story.message("a", HOSTILE, x=HOSTILE).wait("a", "never", HOSTILE, id=HOSTILE)
    url = write(story.events, {"a": f"[    0.000000] {HOSTILE}\n"})
    ready(page, url)
    assert page.js("window.owned") is None
    assert page.js("document.querySelectorAll('img, b').length") == 0
    (line,) = shown(page, "a")
    assert line.endswith("window.owned=2>\\x00\\u202e\\x1b[2J")
    assert "\u202e" not in page.js("document.body.innerText")


def test_injected_script_would_not_run(page, browser, write, whole_story):
    """The policy names one script: were there a hole, another would still not run."""
    tab = browser.page()
    url = write(whole_story)
    path = url.removeprefix("file://")
    with open(path, "r+", encoding="utf-8") as file:
        text = file.read().replace("<main>", "<main><script>window.owned = 1</script>")
        file.seek(0)
        file.write(text)
    tab.open(url)
    assert tab.js("window.owned") is None
    assert tab.js("document.querySelectorAll('#lanes .lane').length") == 3
    assert len(tab.problems) == 1  # the browser reports the refusal


def test_without_scripts_it_still_reads(browser, write, whole_story):
    """Summary, picture and tables are there."""
    tab = browser.page(scripts=False)
    tab.open_without_scripts(write(whole_story))
    has = functools.partial(_has, tab)
    assert has("#tables table")
    assert has("#story .answer")
    assert has("#chart svg .bar")
    assert not has("#lanes")
    assert not has("#columns")


def _has(tab, selector):
    root = tab.send("DOM.getDocument")["root"]["nodeId"]
    return tab.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_light_and_dark(page, write, whole_story, scheme, bright):
    """As the reader's system has it, and the other way by key."""
    page.send(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    page.open(write(whole_story))
    back = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(c => c > 128)"
    assert page.js(back) is bright
    page.key("d")
    assert page.js(back) is not bright


def test_print_is_light_and_has_no_tools(page, write, whole_story, logs):
    """Paper has no buttons; all that reads is there, the picture too."""
    ready(page, write(whole_story, logs))
    page.send(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    visible = "document.querySelector({!r}).getClientRects().length > 0"
    assert page.js(visible.format("#tools")) is False
    assert page.js(visible.format("#consoles")) is False
    assert page.js(visible.format("#lanes")) is True
    assert page.js(visible.format("#tables table")) is True
    assert page.js("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_run_that_was_killed(page, write, whole_story, logs):
    """Half a run, without its end, makes a page of the half."""
    ready(page, write(whole_story[:8], logs))
    assert "not finished" in page.js("document.getElementById('head').innerText")
    assert page.js("document.querySelectorAll('#lanes .item.action').length") > 0


def test_large_run_draws_what_is_in_view(page, write, story):
    """40 nodes of 200 cases and long consoles: few elements, quick to move in."""
    nodes = {f"n{n:02}": {"role": "r", "device_type": "panda"} for n in range(40)}
    story.start(nodes)
    for number in range(200):
        story.at(number)
        for name in nodes:
            story.case(name, f"case {number}")
    text = "".join(f"[{n / 5:12.6f}] {'x' * 60} {n}\n" for n in range(1000))
    ready(page, write(story.finish().events, dict.fromkeys(nodes, text)))
    assert page.js("document.querySelectorAll('.column .row').length") < 300
    assert page.js("document.querySelectorAll('#lanes *').length") < 10_000
    for _ in range(7):
        page.key("+")
    assert page.js("document.querySelectorAll('#lanes .item').length") < 40 * 10


def test_console_that_is_too_long_says_what_it_lacks(page, write, whole_story, logs, monkeypatch):
    """Both ends are there, and a note above and between them."""
    monkeypatch.setattr(consoles, "MAX_NODE_BYTES", 4000)
    ready(page, write(whole_story, {"panda02": logs["panda02"] * 100}))
    assert "MB from its middle" in page.js("document.querySelector('.column .head').innerText")
    page.key("/")
    page.send("Input.insertText", text="bytes left out here")
    page.key("Enter")
    page.until("document.getElementById('hits').textContent")
    assert page.js("document.getElementById('hits').textContent") == "1 of 1"


def test_changes_against_another_run(page, write, whole_story):
    """What became different is in the summary."""
    before = Results.of(whole_story[:-9])
    assert find_changes(before, Results.of(whole_story))
    page.open(write(whole_story, before=before))
    assert "Changes since the other run" in page.js("document.getElementById('story').innerText")


def test_what_is_chosen_stays_in_view_when_zoomed(page, write, whole_story):
    """Zooming in on a failure does not lose it."""
    page.open(write(whole_story))
    page.key("n")
    for _ in range(6):
        page.key("+")
    assert page.js("document.querySelectorAll('#lanes .chosen').length") == 1


def test_next_failure_is_no_boot_that_was_mended(page, write, story):
    """The keys select the failures of the summary."""
    story.start({"panda01": {}}).add("action_started", node="panda01", index=0, command="boot")
    for attempt, status in ((1, "error"), (2, "pass")):
        story.at(attempt).add("boot_started", node="panda01", attempt=attempt, of=3)
        story.add("boot_finished", node="panda01", attempt=attempt, of=3, status=status)
    story.at(4).case("panda01", "later", "fail").at(5).finish(1)
    page.open(write(story.events))
    page.key("n")
    assert "later: fail" in page.js("document.getElementById('detail').innerText")


def test_lane_that_failed_first_is_in_view_at_once(page, write, story):
    """This works with forty nodes, whose lanes do not all fit."""
    nodes = {f"n{n:02}": {"role": "r", "device_type": "panda"} for n in range(40)}
    story.start(nodes).at(5).case("n30", result="fail").at(9).finish(1)
    ready(page, write(story.events, dict.fromkeys(nodes, "[    0.100000] a line\n")))
    page.until("document.getElementById('chart').scrollTop > 0")
    inside = (
        "(box => (lane => lane.top >= box.top && lane.bottom <= box.bottom)"
        "(document.querySelector('[data-lane=n30]').getBoundingClientRect()))"
        "(document.getElementById('chart').getBoundingClientRect())"
    )
    assert page.js(inside) is True


def test_narrow_screen(browser, write, whole_story, logs):
    """At 400 pixels nothing hangs over, no word of a table is broken, the lanes fit."""
    page = browser.page(width=400, height=800)
    ready(page, write(whole_story, logs))
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    assert page.js("document.getElementById('chart').scrollWidth <= innerWidth")
    heights = "[...document.querySelectorAll('#tables .badge')].map(b => b.offsetHeight)"
    assert max(page.js(heights)) < 30
    heights = "[...document.querySelectorAll('#tables tr')].map(r => r.offsetHeight)"
    assert max(page.js(heights)) < 90
    assert page.problems == []


def test_paper_has_the_whole_timeline_in_its_own_size(page, write, whole_story, logs):
    """Drawn for the paper's width, with nothing scrolled out of view; on the screen as before."""
    ready(page, write(whole_story, logs))
    width = "document.getElementById('lanes').viewBox.baseVal.width"
    before = page.js(width)
    page.js(f"addEventListener('beforeprint', () => {{ window.printed = {width}; }})")
    page.send("Page.printToPDF")
    assert page.js("window.printed") < 800 < before
    assert page.js(width) == before
    page.send("Emulation.setEmulatedMedia", media="print")
    assert page.js("getComputedStyle(document.getElementById('chart')).overflow") == "visible"


def test_tables_stay_open_or_closed_by_the_reader(page, write, whole_story):
    """A heading closes its table, by pointer and by key."""
    page.open(write(whole_story))
    page.click("#results summary")
    assert page.js("document.getElementById('results').open") is False
    page.js("document.querySelector('#results summary').focus()")
    page.key("Enter")
    assert page.js("document.getElementById('results').open") is True
