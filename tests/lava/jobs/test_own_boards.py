"""LAVA multinode jobs on boards that this package drives; LAVA is not needed."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ..conftest import EXAMPLES, lava_test

pytestmark = pytest.mark.slow


def lava_job_for_pandas(**boot):
    """Return a lab's job for two pandas: image, U-Boot, tests that synchronise."""
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
    """A lab of two simulated pandas, without a device under LAVA."""
    devices = lab / "devices"
    (devices / "panda02.yaml").write_text((devices / "panda01.yaml").read_text())
    for path in devices.glob("dut-*"):
        path.unlink()


@pytest.fixture
def lava_http():
    """A function that serves a file to clients with the right token; returns its URL."""
    files = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.headers["PRIVATE-TOKEN"] != "hunter2":
                self.send_error(403)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(files[0])))
            self.end_headers()
            self.wfile.write(files[0])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def serve(content):
            files.append(content)
            return f"http://127.0.0.1:{server.server_port}/1234"

        yield serve
        server.shutdown()
        thread.join()


def test_a_labs_job_on_pandas(pandas, dispatch):
    """Deployed, synchronised before power-on, booted, tested: like the lab's own boards."""
    run = dispatch(lava_job_for_pandas())
    assert run.code == 0, run.err
    assert run.cases("panda01")["multinode-sync-power"] == "pass"
    commands = [action["command"] for action in run.results["nodes"]["panda01"]["actions"]]
    assert commands == ["deploy_linaro_image", "multinode", "boot_linaro_image", "lava_test_shell"]
    assert {m["id"] for m in run.results["messages"]} == {"power", "up", "addr", "ok"}


def test_expected_cases_of_a_labs_job(pandas, dispatch):
    """LAVA's `expected` has the same meaning on boards driven here."""
    job = lava_job_for_pandas()
    test = lava_test("t", ["server"], "lava-test-case other --result pass")
    test["test"]["definitions"][0]["expected"] = ["tc1"]
    job["actions"][2:] = [test]
    run = dispatch(job)
    assert run.code == 1, run.err
    cases = run.cases("panda01")
    assert (cases["other"], cases["tc1"]) == ("fail", "fail")


def test_variables_and_secrets_of_a_labs_job(pandas, dispatch):
    """Each role has its own variables; secrets are on the board and in no file of a run."""
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
    """The message names the block and the alternative; nothing has run."""
    run = dispatch(lava_job_for_pandas(method="grub"))
    assert run.code == 2
    assert "boot by grub of client and server: only LAVA supports it" in run.err
    assert "host: lava" in run.err
    assert not (run.directory / "results.json").exists()


def entry_of(job):
    """Return the image's entry in the job."""
    return job["actions"][0]["deploy"]["images"]["image"]


@pytest.mark.parametrize("key", ["md5sum", "sha256sum", "sha512sum"])
def test_a_wrong_sum_keeps_an_image_off_the_boards(pandas, dispatch, key):
    """As in LAVA: no board gets it, and the run does not pass."""
    job = lava_job_for_pandas()
    wrong = "0" * {"md5sum": 32, "sha256sum": 64, "sha512sum": 128}[key]
    entry_of(job)[key] = wrong
    run = dispatch(job)
    assert run.code == 3
    for node in run.results["nodes"].values():
        assert f"but {key} in the job is {wrong}" in node["error"]
        assert [action["status"] for action in node["actions"]] == [
            "error",
            "skipped",
            "skipped",
            "skipped",
        ]


def test_headers_and_right_sums_of_an_image(pandas, dispatch, lava_http):
    """The server gets the header of the job; no file of the run contains it."""
    job = lava_job_for_pandas()
    image = (EXAMPLES / "images" / "panda.img.gz").read_bytes()
    sums = {f"{name}sum": hashlib.new(name, image).hexdigest() for name in ("md5", "sha512")}
    entry_of(job).update(
        url=lava_http(image), headers={"PRIVATE-TOKEN": "hunter2"}, compression="gz", **sums
    )
    run = dispatch(job)
    assert run.code == 0, run.err
    texts = [path.read_bytes() for path in run.directory.rglob("*") if path.is_file()]
    assert not any(b"hunter2" in text for text in [*texts, run.err.encode()])
    assert any(b"PRIVATE-TOKEN" in text for text in texts)  # job.yaml, without its value


def test_keys_of_a_deploy_are_obeyed_or_named(pandas, dispatch):
    """Refused with line and column before anything starts; keys without effect are reported."""
    job = lava_job_for_pandas()
    job["actions"][0]["deploy"]["os"] = "debian"
    overlays = {"modules": {"url": "https://h/m", "format": "tar", "path": "/"}}
    entry_of(job).update(format="ext4", overlays=overlays)
    run = dispatch(job)
    assert run.code == 2
    assert re.search(
        r"job\.yaml:[0-9]+:9: deploy to flasher of client and server: 'overlays': only the "
        r"tests' own overlay is supported",
        run.err,
    )
    assert re.search(r"job\.yaml:[0-9]+:5: warning: 'os' has no effect on boards", run.err)
    assert not (run.directory / "results.json").exists()
    entry_of(job).update(overlays={"lava": True})
    run = dispatch(job)
    assert run.code == 0, run.err
    assert "warning: 'os' has no effect on boards that this dispatcher drives" in run.err
    assert "overlays" not in run.err
