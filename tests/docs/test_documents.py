"""The documentation agrees with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lava_dispatcher_multinode.commands import lava_multinode
from lava_dispatcher_multinode.commands.dispatch import build_parser
from lava_dispatcher_multinode.errors import ExitCode
from lava_dispatcher_multinode.job.parse import parse_job
from lava_dispatcher_multinode.job.source import from_bytes

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_exist(page):
    """Every relative link names a file of the repository."""
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_exist(page):
    """A module that a page names by its path is in the package or the repository."""
    bases = (ROOT / "lava_dispatcher_multinode", ROOT)
    for path in re.findall(r"`([a-z\d_]+/[a-z\d_/]+\.py)`", page.read_text()):
        assert any((base / path).is_file() for base in bases), path


def test_every_page_is_reached_from_the_readme():
    """Every page is linked, directly or through other pages."""
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        todo += [page.parent / t.partition("#")[0] for t in LINK.findall(page.read_text())]
    assert {page.resolve() for page in PAGES} <= seen


@pytest.mark.parametrize("folder", ["tutorial", "how-to", "reference", "explanation"])
def test_the_readme_lists_every_page(folder):
    """The README's list of documentation links each page of a folder directly."""
    linked = set(LINK.findall((ROOT / "README.md").read_text()))
    pages = {str(page.relative_to(ROOT)) for page in (ROOT / "docs" / folder).glob("*.md")}
    assert pages - linked == set()


def test_every_option_is_documented():
    """docs/reference/commands.md documents each option, subcommand and exit code."""
    text = (ROOT / "docs/reference/commands.md").read_text()
    for action in build_parser()._actions:
        for option in action.option_strings:
            assert f"`{option}" in text, option
    for verb in lava_multinode.VERBS:
        assert f"`{verb}`" in text
    for code in ExitCode:
        assert f"| {int(code)} |" in text


def test_the_readme_s_job_parses():
    """The job in the README is valid, without warnings."""
    block = re.search(r"```json\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    job, warnings = parse_job(from_bytes(block.group(1).encode(), "README.md", ROOT / "examples"))
    assert (job.size, warnings) == (2, [])


def test_the_readme_has_the_two_commands():
    """One command runs a job without hardware; the other, also in .ci/run, runs the tests."""
    text = (ROOT / "README.md").read_text()
    assert "\n    pip install . && lava-dispatch --simulate examples/seed.json\n" in text
    assert "\n    pip install tox && tox\n" in text
    assert "pip install --quiet tox && tox" in (ROOT / ".ci/run").read_text()


def test_every_referenced_test_exists():
    """Tables that cite tests as evidence cite tests that exist."""
    named = [
        (page, *match)
        for page in PAGES
        for match in re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page.read_text())
    ]
    assert len(named) > 20
    for page, file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), f"{page}: {file}::{test}"
