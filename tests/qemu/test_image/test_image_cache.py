"""The cache of the test image: one image per user and recipe."""

from __future__ import annotations

import json
import os
import threading
import time

from lava_dispatcher_multinode.qemu.test_image import image_cache


def test_concurrent_requests_build_once(tmp_path, monkeypatch):
    """Concurrent requests build one image, with a file of facts beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made, images = [], []

    def build(target, packages):
        made.append(target)
        target.write_bytes(b"image")
        return ["linux_1_armhf"]

    monkeypatch.setattr(image_cache, "build_image", build)
    ask = lambda: images.append(image_cache.cached_image(lambda text: None))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 1
    assert len(set(images)) == 1
    assert images[0].read_bytes() == b"image"
    assert json.loads(images[0].with_suffix(".json").read_text())["packages"] == ["linux_1_armhf"]


def test_another_recipe_is_another_image(monkeypatch):
    """A change of the recipe files changes the digest."""
    before = image_cache.recipe()
    monkeypatch.setattr(image_cache, "_RECIPE_FILES", ())
    assert image_cache.recipe() != before


def test_a_failed_build_leaves_no_image(tmp_path, monkeypatch):
    """After a failed build, the next request builds again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def build(target, packages):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(image_cache, "build_image", build)
    for _ in range(2):
        try:
            image_cache.cached_image(lambda text: None)
        except OSError:
            assert not list(tmp_path.rglob("*.img"))
        else:
            raise AssertionError


def test_outdated_images_are_removed(tmp_path, monkeypatch):
    """An image of another recipe is removed, unless used recently."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        image_cache, "build_image", lambda target, packages: target.write_bytes(b"x") and []
    )
    directory = image_cache.cache_directory()
    directory.mkdir(parents=True)
    for name, age in (
        ("old", image_cache.MAX_UNUSED_S + 60),
        ("young", image_cache.MAX_UNUSED_S - 60),
    ):
        for suffix in ("img", "json"):
            path = directory / f"test-image-{name}.{suffix}"
            path.touch()
            os.utime(path, (time.time() - age,) * 2)
    image = image_cache.cached_image(lambda text: None)
    assert {path.name for path in directory.glob("*.img")} == {image.name, "test-image-young.img"}
    assert not (directory / "test-image-old.json").exists()


def test_using_an_image_keeps_it(tmp_path, monkeypatch):
    """The time of the last use counts, not that of the build."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        image_cache, "build_image", lambda target, packages: target.write_bytes(b"x") and []
    )
    image = image_cache.cached_image(lambda text: None)
    facts = image.with_suffix(".json")
    os.utime(facts, (0, 0))
    image_cache.cached_image(lambda text: None)
    assert facts.stat().st_mtime > time.time() - image_cache.MAX_UNUSED_S


def test_renewal(tmp_path, monkeypatch):
    """Renewal builds from newer packages; an open old image stays readable."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    contents = iter((b"first", b"second"))
    asked = []

    def build(target, packages):
        asked.append(packages._renew)
        target.write_bytes(next(contents))
        return []

    monkeypatch.setattr(image_cache, "build_image", build)
    with image_cache.cached_image(lambda text: None).open("rb") as old:
        image = image_cache.cached_image(lambda text: None, renew=True)
        assert old.read() == b"first"
    assert image.read_bytes() == b"second"
    assert asked == [False, True]
