"""The mounts of a board."""


def test_without_overlays(other_host, operator):
    """Without overlayfs, boards have read-only programs and a copied /etc."""
    with other_host("mounts.overlay_refusal = lambda: 'overlay: refused'") as lab:
        assert lab.lacks == "/usr and /opt of the boards are read-only: overlay: refused"
        board = operator(lab=lab).boot()
        assert board.run("echo x >> /etc/hosts && grep -c '^x' /etc/hosts") == ("1\n", 0)
        assert board.run("touch /usr/bin/new 2>/dev/null")[1] != 0
        assert board.run("command -v reboot") == ("/etc/simulated/bin/reboot\n", 0)
        board.line("reboot")
        board.expect("U-Boot SPL")
