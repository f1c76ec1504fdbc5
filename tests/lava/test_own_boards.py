"""LAVA's multinode jobs on boards of this package's own: no LAVA is needed."""

from __future__ import annotations

import pytest

from .conftest import EXAMPLES, lava_test


def lava_job_for_pandas(**boot):
    """Return a lab's job for two pandas: image, U-Boot, tests that meet."""
    url = (EXAMPLES / "images" / "panda.img.gz").as_uri()
    roles = ["server", "client"]
    return {
        "job_name": "a lab's job",
        "visibility": "public",
        "timeouts": {"job": {"minutes": 10}, "action": {"minutes": 3}},
        "protocols": {
            "lava-multinode": {
                "timeout": {"minutes": 1},
                "roles": {role: {"device_type": "panda", "count": 1} for role in roles},
            }
        },
        "actions": [
            {
                "deploy": {
                    "role": roles,
                    "to": "flasher",
                    "images": {"image": {"url": url, "compression": "gz"}},
                }
            },
            {
                "boot": {
                    "role": roles,
                    "method": "u-boot",
                    "commands": "mmc",
                    "prompts": ["# "],
                    "protocols": {
                        "lava-multinode": [
                            {
                                "action": "uboot-action",
                                "request": "lava-sync",
                                "messageID": "power",
                            }
                        ]
                    },
                    **boot,
                }
            },
            lava_test(
                "serve", ["server"], "lava-sync up", "lava-send addr ip=10.0.0.1", "lava-wait ok"
            ),
            lava_test(
                "ask",
                ["client"],
                "lava-sync up",
                'test "$(lava-wait addr)" = ip=10.0.0.1',
                "lava-send ok",
            ),
        ],
    }


@pytest.fixture
def pandas(lab):
    """A lab of two simulated pandas, and no board under LAVA."""
    devices = lab / "devices"
    (devices / "panda02.yaml").write_text((devices / "panda01.yaml").read_text())
    for path in devices.glob("dut-*"):
        path.unlink()


def test_a_labs_job_on_pandas(pandas, dispatch):
    """Deployed, held together before power-on, booted, tested: as the lab's own would be."""
    run = dispatch(lava_job_for_pandas())
    assert run.code == 0, run.err
    assert run.cases("panda01")["multinode-sync-power"] == "pass"
    commands = [action["command"] for action in run.results["nodes"]["panda01"]["actions"]]
    assert commands == ["deploy_linaro_image", "multinode", "boot_linaro_image", "lava_test_shell"]
    assert {m["id"] for m in run.results["messages"]} == {"power", "up", "addr", "ok"}


def test_expected_cases_of_a_labs_job(pandas, dispatch):
    """LAVA's `expected` means the same on boards of this package's own."""
    job = lava_job_for_pandas()
    test = lava_test("t", ["server"], "lava-test-case other --result pass")
    test["test"]["definitions"][0]["expected"] = ["tc1"]
    job["actions"][2:] = [test]
    run = dispatch(job)
    assert run.code == 1, run.err
    cases = run.cases("panda01")
    assert (cases["other"], cases["tc1"]) == ("fail", "fail")


def test_variables_and_secrets_of_a_labs_job(pandas, dispatch):
    """Each role has its own variables; what is secret is on the board and in no file of a run."""
    job = lava_job_for_pandas() | {"secrets": {"TOKEN": "hunter2"}}
    roles = job["protocols"]["lava-multinode"]["roles"]
    roles["server"]["environment"] = {"WHAT": {"A": "x y"}, "LAVA_JOB_ID": "no"}
    job["actions"][2:] = [
        lava_test(
            "serve", ["server"],
            'lava-test-case mine --shell test "$WHAT_A/${LAVA_JOB_ID%no}" = "x y/$LAVA_JOB_ID"',
            '. "$LAVA_DIR/secrets"',
            "lava-test-case secret --shell test ${#TOKEN} = 7",
        ),
        lava_test("ask", ["client"], 'lava-test-case mine --shell test -z "$WHAT_A"'),
    ]  # fmt: skip
    run = dispatch(job)
    assert run.code == 0, run.err
    assert run.cases("panda01")["secret"] == "pass"
    texts = [path.read_bytes() for path in run.directory.rglob("*") if path.is_file()]
    assert len(texts) > 5
    assert not any(b"hunter2" in text for text in texts)


def test_what_a_panda_cannot_is_refused_before_anything_starts(pandas, dispatch):
    """By name, with the way out; nothing was run."""
    run = dispatch(lava_job_for_pandas(method="grub"))
    assert run.code == 2
    assert "boot by grub of client and server: only LAVA knows how" in run.err
    assert "host: lava" in run.err
    assert not (run.directory / "results.json").exists()
