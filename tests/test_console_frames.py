"""Frames survive encoding, and damaged ones are detected."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode import console_frames
from lava_dispatcher_multinode.console_frames import AckFrame, DamagedFrame, DataFrame, cksum

WORDS = st.lists(st.binary(max_size=300), max_size=20)
SHELL = shutil.which("sh")
LIBRARY = Path(__file__).parents[1] / "overlays" / "lib" / "lava-frames"


@given(WORDS)
def test_words_survive(words):
    """Any bytes survive encoding; the encoded text is safe for shells and consoles."""
    text = console_frames.encode(words)
    assert console_frames.decode(text) == words
    assert not set(text) & set(b" \\<>\x7f")
    assert all(32 < byte < 127 for byte in text)


@given(WORDS)
def test_pieces_can_be_decoded_alone(words):
    """Payloads are short and complete, and split no escape."""
    text = console_frames.encode(words)
    pieces = console_frames.split_payloads(text)
    assert b"".join(pieces) == text
    assert all(len(piece) <= console_frames.MAX_PAYLOAD_BYTES for piece in pieces)
    alone = b"".join(b"\n".join(console_frames.decode(p + b",")) for p in pieces)
    assert alone == b"\n".join([*words, b""])


@pytest.mark.parametrize("text", [b"a", b"a,b", b"%,", b"%4,", b"%400,", b"%04x,"])
def test_nonsense_is_an_error(text):
    """Invalid encodings are errors."""
    with pytest.raises(ValueError, match=r"the last word|without three"):
        console_frames.decode(text)


@given(st.binary(max_size=40), st.binary(max_size=40), st.integers(1, 5), WORDS, st.booleans())
def test_found_in_any_line(before, after, parts, words, md5):
    """A frame is found whatever stands around it on its line, however it is summed."""
    part = DataFrame(
        b"Q",
        b"0a1b-77",
        1,
        parts,
        console_frames.split_payloads(console_frames.encode(words))[0],
        md5,
    )
    line = before.replace(b"<", b"") + part.line()[:-1] + after.replace(b"<", b"")
    assert list(console_frames.find_frames(line)) == [part]


@given(st.data(), WORDS, st.booleans())
def test_damage_is_found(data, words, md5):
    """A part in which one byte changed, or some are missing, is never taken for a part."""
    part = DataFrame(
        b"Q", b"0a1b-77", 1, 3, console_frames.split_payloads(console_frames.encode(words))[0], md5
    )
    line = part.line()[:-1]
    start = data.draw(st.integers(0, len(line) - 1))
    end = data.draw(st.integers(start + 1, len(line)))
    put = data.draw(st.binary(max_size=1))
    damaged = line[:start] + put + line[end:]
    if damaged != line:
        assert not [f for f in console_frames.find_frames(damaged) if isinstance(f, DataFrame)]


def test_words_and_wrecks():
    """Acknowledgements are read; of a torn frame, the ID."""
    word = AckFrame(b"A", b"0a1b-77", b"12345")
    assert list(console_frames.find_frames(b"x" + word.line())) == [word]
    assert list(console_frames.find_frames(b"<LAVA_MN Q 0a1b-77 1/1 123 send,rea[  1.0] usb")) == [
        DamagedFrame(b"Q", b"0a1b-77")
    ]
    assert list(console_frames.find_frames(b"<LAVA_MN Q ../x-1 1/1 123 x,>")) == []


@pytest.mark.parametrize(("part", "parts"), [(0, 0), (0, 1), (2, 1)])
def test_a_part_that_there_cannot_be_is_a_wreck(part, parts):
    """A request with impossible part numbers is damaged; such a reply is ignored."""
    line = DataFrame(b"Q", b"0a1b-77", part, parts, b"x,").line()
    assert list(console_frames.find_frames(line)) == [DamagedFrame(b"Q", b"0a1b-77")]
    assert (
        list(console_frames.find_frames(DataFrame(b"R", b"0a1b-77", part, parts, b"x,").line()))
        == []
    )


@pytest.mark.parametrize(
    ("before", "after", "sizes"),
    [
        (396, 0, [400]),
        (396, 1, [400, 1]),
        (397, 0, [397, 4]),
        (397, 1, [397, 5]),
        (399, 0, [399, 4]),
        (400, 0, [400, 4]),
    ],
)
def test_an_escape_at_the_end_of_a_piece(before, after, sizes):
    """An escape is moved to the next piece only if it would be split."""
    text = b"x" * before + b"%040" + b"y" * after
    assert [len(piece) for piece in console_frames.split_payloads(text)] == sizes
    assert b"".join(console_frames.split_payloads(text)) == text


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0\n")), min_size=1, max_size=8
    )
)
def test_the_shell_code_agrees_with_the_python_code(words):
    """The shell's encode, decode and checksum agree with these."""
    script = f'. {LIBRARY}; LC_ALL=C; encode "$@"; echo; decode "$0"; checksum "$0"; echo "$SUM"'
    raw = [word.encode() for word in words]
    encoded = console_frames.encode(raw)
    output = subprocess.check_output(
        ["sh", "-c", script, encoded, *raw], env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    )
    length = len(encoded) + (len(encoded) - 1) // 400 + 1
    assert output[:length].replace(b"\n", b"") == encoded
    decoded, _, checksum = output[length:-1].rpartition(b"\n")
    assert decoded + b"\n" == b"".join(word + b"\n" for word in raw)
    assert checksum == console_frames.checksum(encoded + b"\n", md5=False)


@pytest.mark.parametrize(
    ("programs", "which"), [(["cksum", "md5sum"], 0), (["md5sum"], 1), (["od"], 0)]
)
@pytest.mark.parametrize("size", [0, 300])
def test_the_board_s_checksums(tmp_path, programs, which, size):
    """cksum, else MD5's first digits; without any program the shell computes the cksum."""
    for program in programs:
        (tmp_path / program).symlink_to(shutil.which(program))
    text = "<LAVA" * size
    script = f'. {LIBRARY}; checksum "$0"; echo "$SUM"'
    output = subprocess.check_output([SHELL, "-c", script, text], env={"PATH": str(tmp_path)})
    assert output.strip() == console_frames.both_checksums(text.encode() + b"\n")[which]


def test_a_known_value():
    """The value that POSIX implementations print for nothing at all."""
    assert cksum(b"") == 4294967295


@given(st.binary(max_size=600))
def test_it_agrees_with_the_real_one(data):
    """Boards compute it with their own cksum; both must agree on every input."""
    printed = subprocess.run(["cksum"], input=data, capture_output=True, check=True).stdout
    assert cksum(data) == int(printed.split()[0])
