"""The overlays of a job: made once, whatever the number of boards."""

from __future__ import annotations

import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from lava_dispatcher_multinode.errors import InvalidJob
from lava_dispatcher_multinode.job.model import ActionSpec, Job, Position
from lava_dispatcher_multinode.overlay import overlay_store as module
from lava_dispatcher_multinode.overlay.overlay_store import OverlayStore


def action(**entry):
    """Return a lava_test_shell action with one repository, and a place."""
    positions = {(): Position("job.json", 9, 3)}
    return ActionSpec("lava_test_shell", {"testdef_repos": [entry]}, positions=positions)


@pytest.fixture
def store(tmp_path):
    """Return the store of a job whose file is in tmp_path."""
    return OverlayStore(tmp_path / "scratch", Job("j", 60, (), (), directory=tmp_path), "7")


def test_one_tarball_for_all_boards(store, directory, monkeypatch):
    """Forty nodes that ask at once get the same file, which is written once."""
    writes = []
    write = module.write_tarball
    monkeypatch.setattr(module, "write_tarball", lambda *a: writes.append(a) or write(*a))
    smoke = action(**{"git-repo": "plain", "testdef": "smoke.yaml"})

    def one(_):
        return store.tarball({0: store.definitions(smoke)})

    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(one, range(40)))
    assert len(writes) == len(paths) == 1
    with tarfile.open(paths.pop()) as tar:
        assert "lava-7/0/tests/0_smoke/go.sh" in tar.getnames()


def test_other_stages_are_other_tarballs(store, directory):
    """Roles with other definitions get other files."""
    smoke = store.definitions(action(**{"git-repo": "plain", "testdef": "smoke.yaml"}))
    given = {"git-repo": "plain", "testdef": "smoke.yaml", "parameters": {"A": "1"}}
    other = store.definitions(action(**given))
    paths = [store.tarball(stages) for stages in ({0: smoke}, {1: smoke}, {0: other}, {0: []})]
    assert len(set(paths)) == 4
    assert store.tarball({0: smoke}) == paths[0]


def test_mistakes_have_the_actions_place(store):
    """The store knows where in the job file the action is."""
    with pytest.raises(InvalidJob, match=r"job\.json:9:3: there is no directory"):
        store.definitions(action(**{"git-repo": "nowhere"}))


def test_an_id_that_cannot_be_is_refused_at_once(tmp_path):
    """Before anything is fetched."""
    with pytest.raises(InvalidJob, match="--job-id"):
        OverlayStore(tmp_path, Job("j", 60, (), ()), "a b")
