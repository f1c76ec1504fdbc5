"""Packages of another architecture, from an apt of our own."""

from __future__ import annotations

import os
import subprocess

import pytest

from lava_dispatcher_multinode.errors import InfrastructureError
from lava_dispatcher_multinode.qemu import debian

from ..needs import require


@pytest.fixture
def deb(tmp_path):
    """A function that makes a real, tiny package of a version."""
    require("dpkg-deb")

    def make(version, directory):
        tree = tmp_path / f"tree{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(
            f"Package: tiny\nVersion: {version}\nArchitecture: armhf\n"
            "Maintainer: a <a@b>\nDescription: x\n"
        )
        (tree / "hello").write_text(f"there {version}\n")
        command = ["dpkg-deb", "-b", tree, directory / f"tiny_{version}_armhf.deb"]
        subprocess.run(command, check=True, capture_output=True)

    return make


@pytest.fixture
def package(tmp_path, deb):
    """A package as if fetched before."""
    archives = tmp_path / "packages" / "archives"
    archives.mkdir(parents=True)
    deb(1, archives)
    (archives / "tiny.is").write_text("tiny_1_armhf.deb")
    return debian.Packages(tmp_path / "packages")


def test_what_is_there_needs_no_network(package):
    """A second run does not ask the archive; files are unpacked once."""
    tree = package.unpacked("tiny")
    assert (tree / "hello").read_text() == "there 1\n"
    (tree / "hello").unlink()
    assert package.unpacked("tiny") == tree
    assert not (tree / "hello").exists()


def test_renewing_replaces_what_is_older(package, deb, tmp_path, monkeypatch):
    """The archive is asked again; the older package and its files go, not to pile up."""
    old = package.unpacked("tiny")
    archive, programs = tmp_path / "archive", tmp_path / "programs"
    archive.mkdir()
    programs.mkdir()
    deb(2, archive)
    for name, text in (
        ("apt-get", f'case "$*" in *download*) cp {archive}/*.deb . ;; esac'),
        ("apt-cache", "true"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(debian, "KEYRING", programs / "apt-get")
    new = debian.Packages(tmp_path / "packages", renew=True).unpacked("tiny")
    assert (new / "hello").read_text() == "there 2\n"
    assert not old.exists()
    assert [path.name for path in sorted((tmp_path / "packages" / "archives").iterdir())] == [
        "tiny.is",
        "tiny_2_armhf.deb",
    ]
    assert debian.Packages(tmp_path / "packages").unpacked("tiny") == new


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
