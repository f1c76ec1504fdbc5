"""Images: from wherever, unpacked, once a run; and what can be wrong with them."""

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
from lava_dispatcher_multinode.images import download as fetch_module
from lava_dispatcher_multinode.images.store import ImageStore
from lava_dispatcher_multinode.images.terms import Terms

DATA = b"boot" + bytes(3 << 20) + b"end" + bytes(1 << 20)


@pytest.fixture
def get(tmp_path):
    """A function that gets an image from a store of its own."""
    store = ImageStore(tmp_path / "store")

    def make(source, steps=None, packed=None, **sums):
        deadline, step = Deadline(60, "test"), (steps if steps is not None else []).append
        image = store.get(
            source, base=tmp_path, deadline=deadline, step=step, terms=Terms(sums, packed)
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
    """The suffix decides; holes stay holes."""
    (tmp_path / f"card.img{suffix}").write_bytes(pack(DATA))
    image = get(f"card.img{suffix}")
    assert image.read_bytes() == DATA
    assert image.stat().st_blocks * 512 < len(DATA)


@pytest.mark.needs("zstd")
def test_zstandard_is_unpacked(get, tmp_path):
    """By the program, as Python has no such module yet."""
    (tmp_path / "card.img").write_bytes(DATA)
    subprocess.run(["zstd", "-q", "--rm", str(tmp_path / "card.img")], check=True)
    assert get("card.img.zst").read_bytes() == DATA


def test_a_plain_image_is_used_where_it_is(get, tmp_path):
    """Nothing is copied that need not be."""
    (tmp_path / "card.img").write_bytes(DATA)
    assert get("card.img") == tmp_path / "card.img"
    assert get(f"file://{tmp_path}/card.img") == tmp_path / "card.img"


def test_boards_share_one_image(get, tmp_path):
    """Two pandas unpack once."""
    (tmp_path / "card.img.gz").write_bytes(gzip.compress(DATA))
    steps: list[str] = []
    assert get("card.img.gz", steps=steps) == get("card.img.gz", steps=steps)
    assert len(steps) == 1


def test_the_checksum_is_that_of_the_packed_file(get, tmp_path):
    """image_sha256 is what sha256sum prints for the file as it is fetched."""
    packed = gzip.compress(DATA)
    (tmp_path / "card.img.gz").write_bytes(packed)
    assert get("card.img.gz", image_sha256=hashlib.sha256(packed).hexdigest().upper())
    with pytest.raises(DeployError, match="its SHA-256 is"):
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
    """Of the file as it is fetched; the message has the key and both sums."""
    (tmp_path / "card.img").write_bytes(b"card\n")
    assert get("card.img", **{key: right}).read_bytes() == b"card\n"
    wrong = ("1" if right[0] == "0" else "0") + right[1:]
    with pytest.raises(DeployError) as error:
        get("card.img", **{key: wrong})
    name = {"md5sum": "MD5", "sha256sum": "SHA-256", "sha512sum": "SHA-512"}[key]
    assert f"card.img: its {name} is {right}, the job's {key} is {wrong}" in str(error.value)


def test_a_right_sum_does_not_excuse_a_wrong_one(get, tmp_path):
    """All that the job has are compared."""
    (tmp_path / "card.img").write_bytes(b"card\n")
    with pytest.raises(DeployError, match="the job's sha512sum is 000"):
        get("card.img", md5sum="4c8cc118326d90e9e56019bac1dc0671", sha512sum="0" * 128)


def test_a_file_is_packed_as_the_job_says(get, tmp_path):
    """By its name or else its first bytes; LAVA could not unpack another one."""
    (tmp_path / "1234").write_bytes(gzip.compress(DATA))
    assert get("1234", packed=".gz").read_bytes() == DATA
    with pytest.raises(DeployError, match=r"the job's compression is \.xz, it is \.gz"):
        get("1234", packed=".xz")
    (tmp_path / "plain.img").write_bytes(DATA)
    with pytest.raises(DeployError, match=r"compression is \.gz, it is not packed"):
        get("plain.img", packed=".gz")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.img", "no such image file"),
        ("missing.img.gz", "no such image file"),
        ("http://[bad/x.img", "is no URL"),
        ("http://127.0.0.1:9/x y.img", "cannot be fetched"),
        ("file:///a%00b.img.gz", "is no URL: a NUL byte"),
        ("file://card.img", "names a host: write file:///path"),
        ("broken.img.gz", "cannot be unpacked"),
        ("cut.img.xz", "cannot be unpacked"),
        ("ftp://host/card.img", "cannot fetch ftp://"),
    ],
)
def test_what_cannot_be_had_is_told(get, tmp_path, source, message):
    """Each kind of broken source has a sentence, never a traceback."""
    (tmp_path / "broken.img.gz").write_bytes(b"not gzip at all")
    (tmp_path / "cut.img.xz").write_bytes(lzma.compress(DATA)[:-20])
    with pytest.raises(DeployError, match=message):
        get(source)


def test_a_failure_is_every_board_s(get):
    """The second board does not fetch again what failed for the first."""
    for _ in range(2):
        with pytest.raises(DeployError, match="no such image file"):
            get("missing.img")


def test_images_come_over_http(get, tmp_path):
    """http:// is fetched and unpacked; the server's refusal is told in its words."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "card.img.gz").write_bytes(gzip.compress(DATA))

    class Handler(http.server.SimpleHTTPRequestHandler):
        """Serves www and keeps quiet."""

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
    """What the server announced and did not send is missed, plain image or packed."""
    monkeypatch.setattr(fetch_module, "PAUSE", 0.0)
    served["/cut.img"] = (b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"x" * 2000)
    with pytest.raises(DeployError, match="cut off, 3000 bytes are missing"):
        get(f"{served.url}/cut.img")


def test_a_server_that_trickles_meets_the_deadline(served, tmp_path):
    """A byte now and then is not progress enough."""
    served["/slow.img"] = (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", None)
    with pytest.raises(ActionTimeout):
        ImageStore(tmp_path / "s").get(
            f"{served.url}/slow.img",
            base=tmp_path,
            deadline=Deadline(0.5, "test"),
            step=lambda _: None,
        )


def test_nonsense_from_a_server_is_told(get, served):
    """Something that does not speak HTTP is no bug of ours."""
    served["/x.img"] = (b"220 smtp ready\r\n", b"")
    with pytest.raises(DeployError, match="cannot be fetched"):
        get(f"{served.url}/x.img")


def test_each_role_has_its_own_checksum(get, tmp_path):
    """One role's wrong image_sha256 is not the other's, and the file is not written twice."""
    packed = gzip.compress(DATA)
    (tmp_path / "card.img.gz").write_bytes(packed)
    first = get("card.img.gz")
    written = first.stat().st_mtime_ns
    assert get("card.img.gz", image_sha256=hashlib.sha256(packed).hexdigest()) == first
    with pytest.raises(DeployError, match="its SHA-256 is"):
        get("card.img.gz", image_sha256="1" * 64)
    assert first.stat().st_mtime_ns == written


def test_characters_of_urls_are_plain_in_paths(get, tmp_path):
    """A directory called n#1 does not hide how the file's name ends."""
    (tmp_path / "n#1?").mkdir()
    (tmp_path / "n#1?" / "card.img.gz").write_bytes(gzip.compress(DATA))
    assert get("n#1?/card.img.gz").read_bytes() == DATA


def test_many_boards_ask_at_once(get, tmp_path):
    """All get the same file, unpacked once."""
    (tmp_path / "card.img.gz").write_bytes(gzip.compress(DATA))
    steps: list[str] = []
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: get("card.img.gz", steps=steps), range(16)))
    assert len(found) == 1
    assert len(steps) == 1


def test_two_images_at_once_are_two(get, tmp_path, monkeypatch):
    """Boards of two types that ask in the same moment each get their own."""
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
    """What a raw server says, by path; a body of None comes a byte at a time."""

    url = ""


@pytest.fixture
def served():
    """A server that can be as wrong as a test wants it."""
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
