"""One test image a user and recipe."""

from __future__ import annotations

import json
import threading

from lava_dispatcher_multinode.images.test_image import cache


def test_it_is_made_once_however_many_ask(tmp_path, monkeypatch):
    """Three boards deploy at once; the second run finds it; facts are beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made, images = [], []

    def build(target, packages):
        made.append(target)
        target.write_bytes(b"image")
        return ["linux_1_armhf"]

    monkeypatch.setattr(cache, "build", build)
    ask = lambda: images.append(cache.cached_image(lambda text: None))  # noqa: E731
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
    """What is changed in the package takes effect without a word to the cache."""
    before = cache.recipe()
    monkeypatch.setattr(cache, "_PARTS", ())
    assert cache.recipe() != before


def test_a_failed_build_leaves_no_image(tmp_path, monkeypatch):
    """The next one who asks tries again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def build(target, packages):
        target.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(cache, "build", build)
    for _ in range(2):
        try:
            cache.cached_image(lambda text: None)
        except OSError:
            assert not list(tmp_path.rglob("*.img"))
        else:
            raise AssertionError
