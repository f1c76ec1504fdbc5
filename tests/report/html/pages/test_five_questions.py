"""A run of five simulated boards, of which one panics: its report answers what people ask."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

IMAGE = {"command": "deploy_linaro_image", "parameters": {"image": "panda.img.gz"}}


def shell(role, *steps):
    """Return a test of one role."""
    about = {"format": "Lava-Test Test Definition 1.0", "name": role}
    definition = {"metadata": about, "run": {"steps": list(steps)}}
    parameters = {"role": role, "definitions": [definition]}
    return {"command": "lava_test_shell", "parameters": parameters}


JOB = {
    "job_name": "five",
    "timeout": 60,
    "device_group": [
        {"role": "server", "count": 1, "device_type": "panda"},
        {"role": "client", "count": 4, "device_type": "panda"},
    ],
    "actions": [
        IMAGE,
        shell(
            "server", "lava-sync booted", "lava-send ready port=80", "lava-wait-all done client"
        ),
        shell(
            "client",
            "lava-sync booted",
            "lava-wait ready",
            "echo fetching the page",
            "lava-send done",
        ),
    ],
}


def dispatch(directory, output, faults=""):
    """Run the job; return its exit code."""
    program = "import sys; from lava_dispatcher_multinode.commands.dispatch import main; "
    command = [sys.executable, "-c", program + "sys.exit(main())", "--simulate", "-q"]
    done = subprocess.run(
        [*command, "--output-dir", output, "job.json"],
        cwd=directory,
        env={**os.environ, "LAVA_SIMULATED_FAULTS": faults},
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done.returncode


@pytest.mark.needs("user namespaces")
@pytest.mark.slow
def test_a_failed_run_of_five_boards(browser, tmp_path):
    """Four answers without a click, the console in one, the change against the run before."""
    from lava_dispatcher_multinode.commands.lava_multinode import main
    from lava_dispatcher_multinode.images.example_images import compressed, example_image

    (tmp_path / "panda.img.gz").write_bytes(compressed(example_image("panda")))
    (tmp_path / "job.json").write_text(json.dumps(JOB))
    assert dispatch(tmp_path, "good") == 0
    assert dispatch(tmp_path, "bad", "panda03:panic=text:fetching the page") == 3
    html = tmp_path / "five.html"
    words = ["--format", "html", "--against", str(tmp_path / "good"), "-o", str(html)]
    assert main(["report", str(tmp_path / "bad"), *words]) == 0

    page = browser.page()
    page.open(html.as_uri())
    page.until("document.querySelectorAll('.row.marked').length")
    answers = page.js(
        "Object.fromEntries([...document.querySelectorAll('.answer')].map(a =>"
        " [a.querySelector('h2').innerText, a.innerText]))"
    )
    first = answers["First failure of each node"]
    assert "panda03 at" in first.splitlines()[1]
    assert "Kernel panic" in first
    assert "Kernel panic" in answers["Output of panda03"]
    waited = answers["Waits for panda03"]
    assert "panda01 from" in waited
    assert "lava-wait-all done client: waited" in waited
    assert "\N{RIGHTWARDS ARROW} panda02, panda03, panda04, panda05" in answers["Messages"]
    assert "panda03: pass became error" in answers["Changes since the other run"]
    page.click("#story a[data-node=panda03]")
    lines = page.js(
        "[...document.querySelectorAll('[aria-label=\"console of panda03\"] .row')]"
        ".map(r => r.textContent).join()"
    )
    assert "Kernel panic" in lines
    assert page.problems == []
