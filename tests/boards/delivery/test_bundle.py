"""What a board is to get, and its mark."""

from __future__ import annotations

from lava_dispatcher_multinode.boards.delivery.bundle import Parcel


def test_the_mark_is_of_all_of_it(parcel, tmp_path):
    """Another environment or another archive is another parcel."""
    other = Parcel(parcel.archive, "/lava-1", b"export A=2\n")
    assert other.mark != parcel.mark
    (tmp_path / "other").write_bytes(parcel.archive.read_bytes() + b"x")
    assert Parcel(tmp_path / "other", "/lava-1", parcel.environment).mark != parcel.mark


def test_a_mark_is_the_same_wherever_its_parcel_goes(parcel):
    """The board's root is no part of what the parcel holds: an image made elsewhere has it too."""
    assert Parcel(parcel.archive, "/lava-1", parcel.environment, "/elsewhere").mark == parcel.mark


def test_what_goes_beside_the_archive(tmp_path):
    """Below the board's root, the mark with the end of its line, and behind the environment."""
    (tmp_path / "a").write_bytes(b"archive")
    parcel = Parcel(tmp_path / "a", "/lava-7", b"export A=1\n", "/mnt")
    mark = "20fa738fa9a7ec1a673dea24f3322d07d94119e399bdc42e1c101a79c45e7352"
    assert list(parcel.files.items()) == [
        ("/mnt/lava-7/environment", b"export A=1\n"),
        ("/mnt/lava-7/overlay.sha256", f"{mark}\n".encode()),
    ]
