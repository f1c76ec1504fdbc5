"""The requirements of a job on a file."""

import pytest

from lava_dispatcher_multinode.images.terms import (
    ALGORITHM_NAMES,
    CHECKSUM_KEYS,
    DIGEST_DIGITS,
    NO_TERMS,
    Terms,
)

A = "a" * 64


@pytest.mark.parametrize(
    ("sums", "sha256"),
    [
        ({}, None),
        ({"md5sum": "b" * 32, "sha512sum": "c" * 128}, None),
        ({"md5sum": "b" * 32, "sha256sum": A}, A),
        ({"image_sha256": A}, A),  # a job in the form of 2013
    ],
)
def test_the_digest_by_which_a_file_is_found_again(sums, sha256):
    """The cache finds files by SHA-256 alone, under either job key."""
    assert Terms(sums).sha256 == sha256


def test_headers_are_in_no_message():
    """Headers can hold tokens and are not in the repr."""
    assert "s3cret" not in repr(Terms(headers={"PRIVATE-TOKEN": "s3cret"}))


def test_a_file_without_terms_has_none():
    """`NO_TERMS` requires nothing."""
    assert Terms({}, None, {}) == NO_TERMS
    assert NO_TERMS.sha256 is None


def test_each_checksum_has_a_length_and_a_name():
    """The tables have the same algorithms."""
    algorithms = {"md5", "sha256", "sha512"}
    assert set(CHECKSUM_KEYS.values()) == algorithms
    assert DIGEST_DIGITS.keys() == ALGORITHM_NAMES.keys() == algorithms
