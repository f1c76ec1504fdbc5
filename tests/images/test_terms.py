"""What a job says of a file that it names."""

import pytest

from lava_dispatcher_multinode.images.terms import DIGITS, FREE, NAMES, SUMS, Terms

A = "a" * 64


@pytest.mark.parametrize(
    ("sums", "sha256"),
    [
        ({}, None),
        ({"md5sum": "b" * 32, "sha512sum": "c" * 128}, None),
        ({"md5sum": "b" * 32, "sha256sum": A}, A),
        ({"image_sha256": A}, A),  # a job of 2013's form
    ],
)
def test_the_digest_by_which_a_file_is_found_again(sums, sha256):
    """Only SHA-256 is a key of the cache, by either of its names in a job."""
    assert Terms(sums).sha256 == sha256


def test_headers_are_in_no_message():
    """They hold tokens, and a `Terms` is printed in errors and logs."""
    assert "s3cret" not in repr(Terms(headers={"PRIVATE-TOKEN": "s3cret"}))


def test_a_file_without_terms_has_none():
    """What stands for all that say nothing must not have a condition by accident."""
    assert (FREE.sums, FREE.packed, FREE.headers, FREE.sha256) == ({}, None, {}, None)


def test_each_checksum_has_a_length_and_a_name():
    """A key that is added to one table and not to the others would be a traceback."""
    assert set(SUMS.values()) == DIGITS.keys() == NAMES.keys() == {"md5", "sha256", "sha512"}
