"""LAVA's deploy blocks on devices driven here: each key has an effect or is reported."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lava_dispatcher_multinode.images.terms import Terms
from lava_dispatcher_multinode.lava.jobs.deploy import ignored_deploy_keys, import_deploy
from lava_dispatcher_multinode.lava.jobs.deploy_keys import BLOCK, ENTRY, PLACES

from ...needs import LAVA_VERSIONS, lava

URL = "https://h/i.img.gz"
MD5, SHA512 = "0" * 32, "0" * 128

#: A separate process: two versions of LAVA have modules of the same names.
WALK = """
import importlib, json, pkgutil, sys
sys.path.append(sys.argv[1])
import voluptuous as v
from lava_common.schemas import deploy

def parts(schema):
    if isinstance(schema, dict):
        yield schema
    elif isinstance(schema, v.Schema):
        yield from parts(schema.schema)
    elif isinstance(schema, (list, tuple)):
        for item in schema:
            yield from parts(item)
    elif isinstance(schema, (v.Any, v.All)):
        yield from parts(list(schema.validators))

def names(schema):
    return {str(getattr(key, "schema", key)) for key in schema}

found = {}
for module in pkgutil.iter_modules(deploy.__path__):
    schema = importlib.import_module(f"lava_common.schemas.deploy.{module.name}").schema()
    block, entry = found[module.name.replace("_", "-")] = set(), set()
    for part in parts(schema):
        block |= names(part)
        for value in part.values():
            for inner in parts(value):
                below = [deeper for each in inner.values() for deeper in parts(each)]
                for candidate in (inner, *below):
                    if "url" in names(candidate):
                        entry |= names(candidate)
print(json.dumps({to: [sorted(part) for part in keys] for to, keys in found.items()}))
"""


@pytest.fixture(scope="module", params=LAVA_VERSIONS)
def places(request):
    """The keys of each LAVA's strict schemas: target -> keys of a block, keys of an entry."""
    words = [sys.executable, "-c", WALK, lava(request.param)]
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout)


def refusals(to, **keys):
    """Return why a block is refused."""
    return [step.refused for step in import_deploy({"to": to, **keys}) if step.refused]


def said(to, **keys):
    """Return the warnings about keys without effect, by path."""
    return dict(ignored_deploy_keys({"to": to, **keys}))


def test_no_key_of_lavas_schema_is_unknown(places):
    """A new key of LAVA would be silently ignored: the table has all keys."""
    assert set(PLACES) - {"sd"} <= set(places)  # sd: a file of its own since 2026
    for to, (block, entry) in places.items():
        if to in PLACES:
            assert set(block) - set(BLOCK | PLACES[to]) == set()
            assert set(entry) - {"path"} - set(ENTRY) == set()
            assert {"url", "sha512sum", "overlays"} <= set(entry) or to == "overlay"
        else:
            assert refusals(to)[0].startswith("only LAVA supports it")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"md5sum": "0" * 31}, "'md5sum': invalid checksum '000"),
        ({"sha256sum": "A" * 64}, "use 64 digits of 0-9 and a-f"),
        ({"sha512sum": 12}, "'sha512sum': invalid checksum 12: use 128 digits"),
        ({"sha512sum": MD5 + "\n"}, "'sha512sum'"),
        ({"archive": "tar"}, "'archive': archives are not unpacked"),
        ({"sparse": True}, "'sparse'"),
        ({"overlays": {"lava": True, "m": {"url": "u"}}}, "'overlays': only the tests' own"),
        ({"overlays": ["lava"]}, "'overlays'"),
        ({"format": "qcow2"}, "'format': 'qcow2' is not one of raw, ext4"),
        ({"compression": "zip"}, "'compression': 'zip' is not one of bz2, gz, xz, zstd"),
        ({"headers": "A: b"}, "'headers': it must map names to values"),
        ({"headers": {"A b": "c"}}, "'headers': HTTP has no header 'A b'"),
        ({"headers": {"A": "c\r\nd: e"}}, "the value of A must be one line"),
        ({"headers": {"Range": "bytes=1-"}}, "Range is set by the dispatcher itself"),
    ],
)
def test_what_changes_an_image_is_refused(entry, why):
    """The message names the key; nothing is done differently or left out."""
    (found,) = refusals("tmpfs", images={"rootfs": {"url": URL, **entry}})
    assert why in found


def test_all_refusals_of_a_block_are_reported_at_once():
    """Each with its position."""
    entry = {"url": URL, "archive": "tar", "md5sum": "x"}
    steps = list(
        import_deploy({"to": "tftp", "kernel": entry, "tee": {"url": URL}, "authorize": "ssh"})
    )
    assert [(step.at, step.wrong) for step in steps] == [
        (("tee",), False), (("authorize",), False), (("kernel", "archive"), False),
        (("kernel", "md5sum"), True),
    ]  # fmt: skip


def test_a_kernel_is_not_unpacked():
    """It would not boot; a ramdisk stays compressed, as in LAVA."""
    packed = {"url": "https://h/x.gz", "compression": "gz"}
    assert refusals("tftp", kernel=packed) == [
        "'compression': a compressed kernel or device tree is not supported"
    ]
    overlays = {"format": "cpio.newc", "overlays": {"lava": True}}
    assert refusals("tftp", kernel={"url": URL}, ramdisk={**packed, **overlays}) == []


def test_an_image_and_images():
    """LAVA accepts one or the other."""
    (why,) = refusals("usb", image={"url": URL}, images={"image": {"url": "https://h/other"}})
    assert why == "it must have exactly one image with a url"


def test_an_entry_is_obeyed():
    """Its checksums, compression and headers apply to its file."""
    sums = {"md5sum": MD5, "sha512sum": SHA512}
    entry = {"url": URL, "compression": "zstd", **sums, "headers": {"PRIVATE-TOKEN": "hunter2"}}
    (step,) = import_deploy({"to": "flasher", "images": {"boot": entry}})
    terms = Terms(sums, ".zst", {"PRIVATE-TOKEN": "hunter2"})
    assert (step.command, step.parameters) == (
        "deploy_linaro_image", {"image": URL, "terms": {"image": terms}}
    )  # fmt: skip
    assert "hunter2" not in repr(step)
    (step,) = import_deploy(
        {"to": "tftp", "kernel": {"url": URL}, "dtb": {"url": "https://h/d", **sums}}
    )
    assert step.parameters["terms"] == {"kernel": Terms(), "dtb": Terms(sums)}


def test_keys_without_effect_are_named():
    """Keys of the block, of an entry, and keys unknown to LAVA itself."""
    entry = {"url": URL, "image_arg": "-drive {x}", "md5um": MD5, "archive": None}
    assert said("tmpfs", os="debian", images={"x": entry}) == {
        ("os",): "'os' has no effect on boards that this dispatcher drives",
        (
            "images",
            "x",
            "image_arg",
        ): "'image_arg' has no effect on boards that this dispatcher drives",
        ("images", "x", "md5um"): "'md5um' is not a key of LAVA here, and has no effect "
        "(did you mean 'md5sum'?)",
    }
    assert said("flasher", images={"x": {"url": URL}}, repeat=2, role=["a"]) == {}
    assert said("overlay", failure_retry=3) == {
        ("failure_retry",): "'failure_retry' has no effect on boards that this dispatcher drives"
    }
    assert said("fastboot", os="debian") == {}  # refused as a whole
