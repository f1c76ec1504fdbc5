"""LAVA's device types, from its packages, as boards: import, dialogue, and their table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from lava_dispatcher_multinode.lab.dictionary_keys import row_for

from ..needs import lava_types, require

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/lava-device-types.md"
#: The reasons of refusals: LAVA's boot methods that no board here has, and three others.
METHODS = {
    *("avh", "cmsis-dap", "depthcharge", "dfu", "docker", "fastboot", "fvp", "ipxe", "jlink"),
    *("musca", "openocd", "pyocd", "qemu", "schroot", "uboot_ums_flash", "uefi-menu", "uuu"),
}
OTHERS = {"a key twice", "add_header", "no list of commands"}
#: One device type for each boot loader.
SAMPLE = ["beaglebone-black", "beaglebone-black-barebox", "d03", "ava"]

pytestmark = pytest.mark.needs("LAVA's device types")


@pytest.fixture(scope="module")
def bench():
    """Return the benchmark as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "bench")
        import lava_templates

        yield lava_templates
        sys.modules.pop("lava_templates")


@pytest.fixture(scope="module", params=["2023.01", "today"])
def directory(request):
    """Return the templates of a version."""
    require(f"LAVA {request.param}")
    return lava_types()[request.param]


@pytest.fixture(scope="module")
def outcomes(bench, directory):
    """Return what becomes of each template, without dialogues."""
    templates = bench.environment(directory)
    return [bench.outcome(templates, name, talk=False) for name in bench.names(directory)]


def test_most_device_types_are_boards_here(outcomes):
    """Three of four have a boot loader here; each other is refused by a known reason."""
    refused = {row.detail for row in outcomes if row.result == "refused"}
    assert refused <= METHODS | OTHERS
    assert sum(row.result == "imported" for row in outcomes) > 0.7 * len(outcomes)


def test_the_page_has_each_device_type(bench, directory, outcomes):
    """The column of this version is the one that the table has."""
    text = PAGE.read_text("utf-8")
    version = bench.version_of(directory)
    head = next(line for line in text.splitlines() if line.startswith(bench.HEAD))
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    if version not in columns:
        assert directory == lava_types()["today"], "2023.01 does not change"
        return  # a newer version than that of the page
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    at = columns.index(version)
    written = {cells[0].strip(" `"): cells[at].strip() for cells in rows if cells[at].strip()}
    prefix = {"imported": "", "refused": "refused: "}
    assert written == {row.name: prefix[row.result] + row.detail for row in outcomes}


def test_no_key_of_the_templates_is_unknown(bench, directory):
    """Each key is obeyed, named with a reason, or refused."""
    templates = bench.environment(directory)
    unknown = set()
    for name in bench.names(directory):
        data = yaml.safe_load(bench.render(templates, name, "/nowhere"))
        for path in _leaves(data):
            if row_for(path, "u-boot", "ramdisk") is None:
                unknown.add(".".join(path))
    assert unknown == set()


def _leaves(data, path=()):
    for name, value in data.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, str(name)))
        else:
            yield (*path, str(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_the_dialogue_of_a_device_type(bench, name):
    """The driver types what LAVA types, and gets to a shell, at a fake boot loader."""
    require("LAVA today")
    directory = lava_types()["today"]
    found = bench.outcome(bench.environment(directory), name, talk=True)
    assert found.result == "complete", found.message


@pytest.mark.slow
def test_another_line_than_lavas_is_found(bench, monkeypatch):
    """The comparison is not vacuous: a changed expectation fails."""
    directory = next(iter(lava_types().values()))
    expected = bench.expected
    monkeypatch.setattr(bench, "expected", lambda *given: ["extra", *expected(*given)])
    found = bench.outcome(bench.environment(directory), "panda", talk=True)
    assert found.result == "failed"
    assert "LAVA would type ['extra'" in found.message
