"""The overlay bundle and its checksum."""

from __future__ import annotations

from lava_dispatcher_multinode.boards.delivery.bundle import OverlayBundle


def test_the_checksum_covers_archive_and_environment(bundle, tmp_path):
    """Another environment or another archive has another checksum."""
    other = OverlayBundle(bundle.archive, "/lava-1", b"export A=2\n")
    assert other.checksum != bundle.checksum
    (tmp_path / "other").write_bytes(bundle.archive.read_bytes() + b"x")
    assert (
        OverlayBundle(tmp_path / "other", "/lava-1", bundle.environment).checksum
        != bundle.checksum
    )


def test_a_mark_is_the_same_wherever_its_parcel_goes(bundle):
    """The root is a prefix of paths, not content: an image from another board matches."""
    assert (
        OverlayBundle(bundle.archive, "/lava-1", bundle.environment, "/elsewhere").checksum
        == bundle.checksum
    )


def test_the_files_beside_the_archive(tmp_path):
    """Paths start at the root; the checksum file comes last and ends its line."""
    (tmp_path / "a").write_bytes(b"archive")
    bundle = OverlayBundle(tmp_path / "a", "/lava-7", b"export A=1\n", "/mnt")
    checksum = "20fa738fa9a7ec1a673dea24f3322d07d94119e399bdc42e1c101a79c45e7352"
    assert list(bundle.files.items()) == [
        ("/mnt/lava-7/environment", b"export A=1\n"),
        ("/mnt/lava-7/overlay.sha256", f"{checksum}\n".encode()),
    ]
