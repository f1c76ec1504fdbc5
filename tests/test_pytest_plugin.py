"""The pytest plug-in: test cases as items, and boards as a fixture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

IMAGE = Path(__file__).parents[1] / "examples" / "images" / "panda.img.gz"
pytest_plugins = ["pytester"]


@pytest.fixture
def job(pytester):
    """A function that writes a job of two pandas whose test has `steps`."""

    def write(*steps):
        definition = {"metadata": {"name": "d"}, "run": {"steps": list(steps)}}
        pytester.path.joinpath("job.json").write_text(
            json.dumps(
                {
                    "timeout": 60,
                    "device_group": [{"role": "a", "count": 2, "device_type": "panda"}],
                    "actions": [
                        {"command": "deploy_linaro_image", "parameters": {"image": str(IMAGE)}},
                        {
                            "command": "lava_test_shell",
                            "parameters": {"definitions": [definition]},
                        },
                    ],
                }
            )
        )
        return "job.json"

    return write


def test_cases_are_items(pytester, job):
    """Each case of each node is an item with its result and, if failed, console output."""
    name = job(
        "lava-sync here",
        "lava-test-case good --shell true",
        "lava-test-case skipped --result skip",
        "lava-test-case open --result unknown",
        "echo the reason of it; lava-test-case bad --result fail",
    )
    done = pytester.runpytest_subprocess("-v", "--lava-simulate", "--lava-job", name)
    done.assert_outcomes(passed=6, failed=2, skipped=4)  # sync, good and the node pass, twice
    done.stdout.fnmatch_lines(["*panda01::0_d::good PASSED*", "*panda02::0_d::bad FAILED*"])
    done.stdout.fnmatch_lines(["*the result is 'fail'*", "*the reason of it*"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_a_node_that_dies_is_an_item(pytester, job, monkeypatch):
    """The failure of a node without test cases is an item."""
    monkeypatch.setenv("LAVA_SIMULATED_FAULTS", "panda02:panic=login")
    done = pytester.runpytest_subprocess("--lava-simulate", "--lava-job", job("true"))
    assert done.ret == 1
    done.stdout.fnmatch_lines(["*infrastructure: *Kernel panic*"])


def test_other_tests_run_only_if_they_are_named(pytester, job):
    """--lava-job alone collects the job only; with paths, both."""
    pytester.makepyfile("def test_of_mine(): pass")
    name = job("lava-test-case x --shell true")
    words = ("--lava-simulate", "--lava-job", name)
    done = pytester.runpytest_subprocess("--collect-only", *words)
    done.stdout.no_fnmatch_line("*test_of_mine*")
    done = pytester.runpytest_subprocess(*words, pytester.path)
    done.assert_outcomes(passed=5)


def test_workers_share_one_run(pytester, job):
    """With pytest-xdist every worker collects, but the job runs once."""
    name = job("lava-test-case x --shell true")
    done = pytester.runpytest_subprocess(
        *("-n", "2", "--lava-simulate", "--lava-job", name, "--lava-output-dir", "runs")
    )
    done.assert_outcomes(passed=4)
    events = (pytester.path / "runs" / "job" / "events.jsonl").read_text()
    assert events.count('"job_started"') == 1


def test_a_wrong_job_is_a_usage_error(pytester, job):
    """The message has the position of the error, without a traceback."""
    pytester.path.joinpath("job.json").write_text('{"actions": 5}')
    done = pytester.runpytest_subprocess("--lava-simulate", "--lava-job", "job.json")
    assert done.ret != 0
    done.stdout.fnmatch_lines(["*the job cannot be run*", "*job.json:1:*"])


def test_collecting_only_runs_nothing(pytester, job):
    """--collect-only does not run the job."""
    done = pytester.runpytest_subprocess(
        *("--collect-only", "--lava-simulate", "--lava-job", job("true"))
    )
    done.stdout.fnmatch_lines(["*no tests collected*"])


def test_the_fixture_gives_the_boards(pytester, job):
    """Tests send commands and messages; the boards boot once per session."""
    pytester.makepyfile(
        """
        def test_one(lava_group):
            assert lava_group["panda01"].run("echo 42") == (0, "42")

        def test_two(lava_group):
            first, second = lava_group
            first.send("x", k="v")
            assert second.wait("x") == {"panda01": {"k": "v"}}
        """
    )
    done = pytester.runpytest_subprocess("--lava-simulate", "--lava-group", job("true"))
    done.assert_outcomes(passed=2)


def test_the_fixture_without_a_job_skips(pytester):
    """Without --lava-group, tests of boards are skipped."""
    pytester.makepyfile("def test_one(lava_group): pass")
    pytester.runpytest_subprocess().assert_outcomes(skipped=1)
