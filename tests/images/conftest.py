"""Disk images for tests."""

from __future__ import annotations

import io

import pytest

from lava_dispatcher_multinode.images.example_images import example_image


@pytest.fixture
def panda() -> io.BytesIO:
    """The panda's example image, as a file of the test's own."""
    return io.BytesIO(example_image("panda"))
