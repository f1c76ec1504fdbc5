"""The image store: fetching, unpacking and checking images, once per run."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import http.server
import lzma
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lava_dispatcher_multinode.deadline import Deadline
from lava_dispatcher_multinode.errors import ActionTimeout, DeployError
from lava_dispatcher_multinode.images import download as download_module
from lava_dispatcher_multinode.images.store import ImageStore
from lava_dispatcher_multinode.images.terms import Terms

DATA = b"boot" + bytes(3 << 20) + b"end" + bytes(1 << 20)


@pytest.fixture
def get(tmp_path):
    """A function that gets an unpacked image from a new store."""
    store = ImageStore(tmp_path / "store")

    def make(source, steps=None, compression=None, **sums):
        deadline, step = Deadline(60, "test"), (steps if steps is not None else []).append
        image = store.get(
            source, base=tmp_path, deadline=deadline, step=step, terms=Terms(sums, compression)
        )
        return image.unpacked(deadline, step)

    return make


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
    ],
)
def test_packed_images_are_unpacked(get, tmp_path, suffix, pack):
    """Each format is unpacked, with holes for zeros."""
    (tmp_path / f"card.img{suffix}").write_bytes(pack(DATA))
    image = get(f"card.img{suffix}")
    assert image.read_bytes() == DATA
    assert image.stat().st_blocks * 512 < len(DATA)


@pytest.mark.needs("zstd")
def test_zstandard_is_unpacked(get, tmp_path):
    """The program zstd unpacks Zstandard."""
    (tmp_path / "card.img").write_bytes(DATA)
    subprocess.run(["zstd", "-q", "--rm", str(tmp_path / "card.img")], check=True)
    assert get("card.img.zst").read_bytes() == DATA


def test_a_plain_image_is_used_where_it_is(get, tmp_path):
    """A plain local image is not copied."""
    (tmp_path / "card.img").write_bytes(DATA)
    assert get("card.img") == tmp_path / "card.img"
    assert get(f"file://{tmp_path}/card.img") == tmp_path / "card.img"


def test_boards_share_one_image(get, tmp_path):
    """Two boards unpack an image once."""
    (tmp_path / "card.img.gz").write_bytes(gzip.compress(DATA))
    steps: list[str] = []
    assert get("card.img.gz", steps=steps) == get("card.img.gz", steps=steps)
    assert len(steps) == 1


def test_the_checksum_is_that_of_the_packed_file(get, tmp_path):
    """image_sha256 is the checksum of the file as fetched."""
    packed = gzip.compress(DATA)
    (tmp_path / "card.img.gz").write_bytes(packed)
    assert get("card.img.gz", image_sha256=hashlib.sha256(packed).hexdigest().upper())
    with pytest.raises(DeployError, match="SHA-256 is"):
        get("card.img.gz", image_sha256="0" * 64)


@pytest.mark.parametrize(
    ("key", "right"),
    [
        ("md5sum", "4c8cc118326d90e9e56019bac1dc0671"),
        ("sha256sum", "ee5a8aebf57ef226f9b73e086350e212d563474aca1576db0f4960021004664f"),
        (
            "sha512sum",
            (
                "b5e0ed6abfdb71e62540cc7b507f4f54444a52ac23978819f8ab69dff32064e6"
                "08dad9e5d270422216e2198df4da47e32530a80cd4f7cd6e23a20a2edddc2ccd"
            ),
        ),
    ],
)
def test_each_sum_is_compared(get, tmp_path, key, right):
    """Each checksum is compared; the error has its key and both values."""
    (tmp_path / "card.img").write_bytes(b"card\n")
    assert get("card.img", **{key: right}).read_bytes() == b"card\n"
    wrong = ("1" if right[0] == "0" else "0") + right[1:]
    with pytest.raises(DeployError) as error:
        get("card.img", **{key: wrong})
    name = {"md5sum": "MD5", "sha256sum": "SHA-256", "sha512sum": "SHA-512"}[key]
    assert f"card.img: {name} is {right}, but {key} in the job is {wrong}" in str(error.value)


def test_a_right_sum_does_not_excuse_a_wrong_one(get, tmp_path):
    """All checksums of the job are compared."""
    (tmp_path / "card.img").write_bytes(b"card\n")
    with pytest.raises(DeployError, match="sha512sum in the job is 000"):
        get("card.img", md5sum="4c8cc118326d90e9e56019bac1dc0671", sha512sum="0" * 128)


def test_a_file_is_packed_as_the_job_says(get, tmp_path):
    """The compression must be the one in the job, as LAVA could not unpack another."""
    (tmp_path / "1234").write_bytes(gzip.compress(DATA))
    assert get("1234", compression=".gz").read_bytes() == DATA
    with pytest.raises(DeployError, match=r"compression is \.gz, but \.xz in the job"):
        get("1234", compression=".xz")
    (tmp_path / "plain.img").write_bytes(DATA)
    with pytest.raises(DeployError, match=r"compression is none, but \.gz in the job"):
        get("plain.img", compression=".gz")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.img", "no such image file"),
        ("missing.img.gz", "no such image file"),
        ("http://[bad/x.img", "is not a valid URL"),
        ("http://127.0.0.1:9/x y.img", "download failed"),
        ("file:///a%00b.img.gz", "is not a valid URL: a NUL byte"),
        ("file://card.img", "names a host: write file:///PATH"),
        ("broken.img.gz", "decompression failed"),
        ("cut.img.xz", "decompression failed"),
        ("ftp://host/card.img", "cannot fetch ftp://"),
    ],
)
def test_unusable_sources(get, tmp_path, source, message):
    """Every unusable source raises an error that names the cause."""
    (tmp_path / "broken.img.gz").write_bytes(b"not gzip at all")
    (tmp_path / "cut.img.xz").write_bytes(lzma.compress(DATA)[:-20])
    with pytest.raises(DeployError, match=message):
        get(source)


def test_a_failure_applies_to_all_boards(get):
    """A failed image is not fetched again for another board."""
    for _ in range(2):
        with pytest.raises(DeployError, match="no such image file"):
            get("missing.img")


def test_images_come_over_http(get, tmp_path):
    """An image is fetched by HTTP and unpacked; an error has the status of the server."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "card.img.gz").write_bytes(gzip.compress(DATA))

    class Handler(http.server.SimpleHTTPRequestHandler):
        """Serves www without a log."""

        def __init__(self, *args):
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            assert get(f"{url}/card.img.gz?token=1").read_bytes() == DATA
            with pytest.raises(DeployError, match="the server answers 404"):
                get(f"{url}/other.img.gz")
        finally:
            server.shutdown()
            thread.join()


def test_a_body_that_is_cut_off_is_no_image(get, served, monkeypatch):
    """A response shorter than its Content-Length is an error."""
    monkeypatch.setattr(download_module, "RETRY_PAUSE_S", 0.0)
    served["/cut.img"] = (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x" * 2000)
    with pytest.raises(DeployError, match="connection lost, 3000 bytes missing"):
        get(f"{served.url}/cut.img")


def test_the_deadline_ends_a_slow_download(served, tmp_path):
    """A server that sends single bytes does not extend the deadline."""
    served["/slow.img"] = (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", None)
    with pytest.raises(ActionTimeout):
        ImageStore(tmp_path / "s").get(
            f"{served.url}/slow.img",
            base=tmp_path,
            deadline=Deadline(0.5, "test"),
            step=lambda _: None,
        )


def test_invalid_responses(get, served):
    """A server that does not speak HTTP raises an error."""
    served["/x.img"] = (b"220 smtp ready\r\n", b"")
    with pytest.raises(DeployError, match="download failed"):
        get(f"{served.url}/x.img")


def test_each_role_has_its_own_checksum(get, tmp_path):
    """A wrong checksum of one role does not affect another; the file is written once."""
    packed = gzip.compress(DATA)
    (tmp_path / "card.img.gz").write_bytes(packed)
    first = get("card.img.gz")
    written = first.stat().st_mtime_ns
    assert get("card.img.gz", image_sha256=hashlib.sha256(packed).hexdigest()) == first
    with pytest.raises(DeployError, match="SHA-256 is"):
        get("card.img.gz", image_sha256="1" * 64)
    assert first.stat().st_mtime_ns == written


def test_characters_of_urls_are_plain_in_paths(get, tmp_path):
    """In paths, "#" and "?" are ordinary characters."""
    (tmp_path / "n#1?").mkdir()
    (tmp_path / "n#1?" / "card.img.gz").write_bytes(gzip.compress(DATA))
    assert get("n#1?/card.img.gz").read_bytes() == DATA


def test_concurrent_requests_for_one_image(get, tmp_path):
    """All boards get the same file, unpacked once."""
    (tmp_path / "card.img.gz").write_bytes(gzip.compress(DATA))
    steps: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: get("card.img.gz", steps=steps), range(16)))
    assert len(found) == 1
    assert len(steps) == 1


def test_two_images_at_once_are_two(get, tmp_path, monkeypatch):
    """Concurrent requests for two images give two images."""
    names = ["panda.img.gz", "beaglexm.img.gz"]
    for name in names:
        (tmp_path / name).write_bytes(gzip.compress(name.encode()))
    both, real = threading.Barrier(2), ImageStore._fetch

    def fetch(*arguments):
        both.wait(30)
        return real(*arguments)

    monkeypatch.setattr(ImageStore, "_fetch", fetch)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(get, names))
    assert [path.read_bytes() for path in found] == [name.encode() for name in names]


class Answers(dict):
    """The responses of a raw server by path; a body of None is sent byte by byte."""

    url = ""


@pytest.fixture
def served():
    """A server with arbitrary, also invalid, responses."""
    answers = Answers()
    with socket.create_server(("127.0.0.1", 0)) as server:
        answers.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        thread = threading.Thread(target=_serve, args=(server, answers))
        thread.start()
        yield answers
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _serve(server, answers):
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                path = connection.recv(4096).split()[1].decode()
                head, body = answers[path]
                connection.sendall(head)
                for _ in range(500) if body is None else ():
                    connection.sendall(b"x")
                    time.sleep(0.01)
                connection.sendall(body or b"")
