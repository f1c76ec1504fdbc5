"""Block maps beside an image: written by the real bmaptool, and hostile ones."""

from __future__ import annotations

import gzip
import http.server
import io
import os
import re
import subprocess
import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import DeployError
from lava_dispatcher_multinode.images import bmap
from lava_dispatcher_multinode.images.card import write_card
from lava_dispatcher_multinode.images.store import ImageStore

from ..needs import program, require

MIB = 1 << 20
#: Byte -> content; the rest of the image is a hole. The last block is not a whole one.
DATA = {0: b"a" * 5000, 7 * MIB: b"b" * MIB, 15 * MIB + 40960: b"c" * 1000}
SIZE = 15 * MIB + 41960


@pytest.fixture
def image(tmp_path):
    """An image with holes and, beside it, the block map of the real bmaptool."""
    require("bmaptool")
    path = tmp_path / "x.wic"
    with path.open("wb") as file:
        for at, content in DATA.items():
            os.pwrite(file.fileno(), content, at)
    words = [program("bmaptool"), "create", "-o", f"{path}.bmap", path]
    subprocess.run(words, check=True, capture_output=True)
    return path


def parsed(path):
    """Return the block map beside an image."""
    return bmap.parse(path.with_name(f"{path.name}.bmap").read_bytes(), "x.bmap")


def test_block_maps_of_bmaptool(image):
    """Size and mapped ranges are those of the image; the last block is cut at its end."""
    found = parsed(image)
    assert found.image_size == SIZE
    assert [(part.start, part.size) for part in found.ranges] == [
        (0, 8192), (7 * MIB, MIB), (15 * MIB + 40960, 1000),
    ]  # fmt: skip
    assert found.mapped == 8192 + MIB + 1000
    assert found.algorithm == "sha256"


@pytest.mark.parametrize("packed", [False, True])
def test_only_mapped_blocks_are_written(image, tmp_path, monkeypatch, packed):
    """A card gets what bmaptool writes: nothing between the mapped blocks."""
    source = io.BytesIO(gzip.compress(image.read_bytes())) if packed else image
    opened = gzip.open(source) if packed else source.open("rb")  # noqa: SIM115 - closed below
    written = []
    monkeypatch.setattr("lava_dispatcher_multinode.images.card_io._write_chunk",
                        lambda card, chunk, at: (written.append((at, len(chunk))),
                                                 card.write(chunk)))  # fmt: skip
    with opened as stream:
        write_card(stream, tmp_path / "card", "image", None, parsed(image))
    assert sum(size for _, size in written) == 8192 + MIB + 1000
    copied = tmp_path / "copied"
    subprocess.run([program("bmaptool"), "copy", image, copied], check=True, capture_output=True)
    assert (tmp_path / "card").read_bytes() == copied.read_bytes() == image.read_bytes()


@pytest.mark.parametrize("packed", [False, True])
def test_another_image_is_refused(image, tmp_path, packed):
    """A block map that does not fit its image by size or sum is an error that names it."""
    found = parsed(image)

    def write(content):
        with io.BytesIO(gzip.compress(content) if packed else content) as file:
            stream = gzip.GzipFile(fileobj=file) if packed else file
            write_card(stream, tmp_path / "card", "image", None, found)

    content = image.read_bytes()
    changed = content.replace(b"b", b"B", 1)
    with pytest.raises(DeployError, match=rf"x.bmap: the sha256 of bytes {7 * MIB} to .* is"):
        write(changed)
    for size in (SIZE - 1, SIZE + 1):
        with pytest.raises(DeployError, match=rf"x.bmap: .*image of {SIZE} bytes"):
            write(content.ljust(size, b"\0")[:size])
    with pytest.raises(DeployError, match=rf"x.bmap: .*image of {SIZE} bytes"):
        write(content[: 8 * MIB])


def test_changes_of_the_file_are_found(image):
    """A block map has its own sum: any change of it is an error."""
    path = image.with_name("x.wic.bmap")
    text = path.read_bytes()
    assert re.search(rb"\d+-\d+", text)
    changed = re.sub(rb"<Range chksum=\"(.)", b'<Range chksum="0', text, count=1)
    changed = changed if changed != text else text.replace(b"<!-- ", b"<!--  ", 1)
    with pytest.raises(DeployError, match="x.bmap: .*its own checksum"):
        bmap.parse(changed, "x.bmap")


#: A block map of version 1.3: SHA-1, and no name for the algorithm.
OLD = """<?xml version="1.0" ?>
<bmap version="{version}">
    <ImageSize> {size} </ImageSize>
    <BlockSize> 4096 </BlockSize>
    <BlocksCount> {blocks} </BlocksCount>
    <BlockMap>
        <Range {sum}> 0 </Range>
        <Range> {second} </Range>
    </BlockMap>
</bmap>
"""
GOOD = {"version": "1.3", "size": 12288, "blocks": 3, "sum": 'sha1="ab"', "second": "1-2"}


def test_older_versions():
    """Version 1 has SHA-1; a range without a sum is not checked."""
    found = bmap.parse(OLD.format(**GOOD).encode(), "x")
    assert found.algorithm == "sha1"
    assert found.ranges == (bmap.Range(0, 4096, "ab"), bmap.Range(4096, 8192, ""))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "3.0"}, "version '3.0'"),
        ({"version": ""}, "(none)"),
        ({"size": "x"}, "no number in ImageSize"),
        ({"size": 0}, "BlocksCount"),
        ({"size": 1 << 60}, "ImageSize"),
        ({"blocks": 4}, "BlocksCount"),
        ({"second": "0-1"}, "overlaps"),
        ({"second": "2-3"}, "outside"),
        ({"second": "2-1"}, "overlaps"),
        ({"second": "one"}, "not FIRST-LAST"),
    ],
)
def test_invalid_block_maps(change, message):
    """Each invalid field is an error that names the file and the field."""
    with pytest.raises(DeployError, match=f"x: not a usable block map: .*{message}"):
        bmap.parse(OLD.format(**GOOD | change).encode(), "x")


def test_entities_are_refused():
    """No document type, so no entity is expanded or fetched; the file has a bounded size."""
    bomb = '<!DOCTYPE bmap [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;">]>'
    text = OLD.format(**GOOD | {"second": "&b;"}).replace("<bmap", f"{bomb}<bmap", 1)
    with pytest.raises(DeployError, match="a document type is not allowed"):
        bmap.parse(text.encode(), "x")
    with pytest.raises(DeployError, match="more than 16 MiB"):
        bmap.parse(b" " * (bmap.MAX_BYTES + 1), "x")


@given(st.text(max_size=60), st.sampled_from(sorted(GOOD)))
def test_any_text_is_read_or_refused(text, field):
    """Any text in a field gives ranges inside the image, or a DeployError."""
    try:
        found = bmap.parse(OLD.format(**GOOD | {field: text}).encode("utf-8", "replace"), "x")
    except DeployError:
        return
    for part in found.ranges:
        assert 0 <= part.start < part.start + part.size <= found.image_size


@pytest.mark.parametrize("name", ["x.wic.gz.bmap", "x.wic.bmap"])
def test_a_local_block_map_beside_the_image(image, tmp_path, name):
    """The block map is found beside a compressed image by both of its names."""
    packed = tmp_path / "x.wic.gz"
    packed.write_bytes(gzip.compress(image.read_bytes()))
    image.with_name("x.wic.bmap").rename(tmp_path / name)
    deadline = Deadline(60, "test")
    store = ImageStore(tmp_path / "store")
    got = store.get("x.wic.gz", base=tmp_path, deadline=deadline, step=print)
    assert got.bmap(deadline, print).image_size == SIZE
    (tmp_path / name).unlink()
    assert got.bmap(deadline, print) is None


@pytest.mark.parametrize(
    ("content", "found", "text"),
    [
        ("block map", True, ""),
        ("<html>404</html>", False, "is not a block map"),
        (None, False, ""),
    ],
)
def test_a_block_map_of_a_server(image, tmp_path, content, found, text):
    """It is fetched beside a URL; a missing one, or a page in its place, is no block map."""
    if content is None:
        image.with_name("x.wic.bmap").unlink()
    elif not found:
        image.with_name("x.wic.bmap").write_text(content)
    handler = partial(QuietHandler, directory=str(tmp_path))
    steps, deadline = [], Deadline(60, "test")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/x.wic?token=1"
            store = ImageStore(tmp_path / "store", tmp_path / "cache")
            got = store.get(url, base=tmp_path, deadline=deadline, step=steps.append)
            assert (got.bmap(deadline, steps.append) is not None) == found
        finally:
            server.shutdown()
            thread.join()
    assert text in steps[-1]


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a directory without a log."""

    def log_message(self, *args):
        """Write nothing."""
