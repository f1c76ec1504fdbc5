"""The page of a run in progress, in a browser: it follows, and sees the end."""

from datetime import UTC, datetime

import pytest

from lava_dispatcher_multinode.report.html.live_server import LiveRun, WebServer

pytestmark = pytest.mark.slow


def test_page_follows_the_run_to_its_end(browser, story, tmp_path):
    """New cases, console lines and the end come by themselves; nothing else is asked for."""
    log = tmp_path / "nodes" / "panda01" / "console.log"
    log.parent.mkdir(parents=True)
    log.write_text("[    1.000000] first words\n")
    run = LiveRun(tmp_path)
    story.start().at(1).case("panda01", "one")
    story.add("action_started", node="panda01", index=0, command="lava_test_shell")
    story.events[0]["started"] = datetime.now(UTC).isoformat()
    for event in story.events:
        run(event)
    tab = browser.page()
    rows = "[...document.querySelectorAll('.column .row')].map(r => r.textContent).join()"
    with WebServer(run) as server:
        tab.open(server.url)
        assert "running" in tab.js("document.getElementById('head').innerText")
        tab.until(f"({rows}).includes('first words')")
        width = "Number(document.querySelector('#lanes .item.action').getAttribute('width'))"
        before = tab.js(width)
        tab.until(f"{width} > {before}")  # time advances without events
        with open(log, "a", encoding="utf-8") as file:
            file.write("[    2.000000] more words\n")
        run(story.at(2).case("panda01", "two", "fail").events[-1])
        tab.until("document.querySelectorAll('#lanes .item.case').length == 2")
        tab.until(f"({rows}).includes('more words')")
        assert "0_smoke two" in tab.js("document.getElementById('story').innerText")
        for event in story.at(3).end("panda01", "fail", "test").finish(1).events[-2:]:
            run(event)
    tab.until("document.getElementById('head').innerText.includes('exit code 1')")
    assert tab.problems == []
