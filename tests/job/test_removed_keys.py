"""Old and foreign formats are recognised."""

import pytest

from lava_dispatcher_multinode.job.removed_keys import is_pipeline


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"protocols": {"lava-multinode": {}}, "actions": []}, True),
        ({"device_type": "x", "timeouts": {}, "actions": []}, True),
        ({"device_type": "x", "actions": [{"deploy": {}}]}, True),
        ({"device_type": "x", "actions": [{"command": "deploy"}]}, False),
        ({"device_group": [], "timeouts": {}}, False),
        ({"actions": 5}, False),
        ([], False),
        (None, False),
    ],
)
def test_lavas_own_format_by_its_keys(data, expected):
    """A LAVA job is recognised as such; a broken job of this package is not."""
    assert is_pipeline(data) is expected
