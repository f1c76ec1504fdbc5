"""Packages of another architecture, from an apt of our own."""

from __future__ import annotations

import subprocess

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.images import debian


@pytest.fixture
def package(tmp_path):
    """A real, tiny package, as if fetched before."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: tiny\nVersion: 1\nArchitecture: armhf\nMaintainer: a <a@b>\nDescription: x\n"
    )
    (tree / "hello").write_text("there\n")
    archives = tmp_path / "packages" / "archives"
    archives.mkdir(parents=True)
    command = ["dpkg-deb", "-b", tree, archives / "tiny_1_armhf.deb"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs dpkg-deb")
    (archives / "tiny.is").write_text("tiny_1_armhf.deb")
    return debian.Packages(tmp_path / "packages")


def test_what_is_there_needs_no_network(package):
    """A second run does not ask the archive; files are unpacked once."""
    tree = package.unpacked("tiny")
    assert (tree / "hello").read_text() == "there\n"
    (tree / "hello").unlink()
    assert package.unpacked("tiny") == tree
    assert not (tree / "hello").exists()


def test_a_host_that_is_no_debian_is_told(tmp_path, monkeypatch):
    """The message says what the image is made of."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InfrastructureError, match="no apt-get.*on Debian"):
        debian.Packages(tmp_path).unpacked("tiny")


def test_packages_are_verified_or_refused(tmp_path, monkeypatch):
    """Without Debian's keys nothing is fetched at all."""
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "no.gpg")
    monkeypatch.setattr(debian.shutil, "which", lambda name: name)
    with pytest.raises(InfrastructureError, match="apt-get install debian-archive-keyring"):
        debian.Packages(tmp_path).unpacked("tiny")
