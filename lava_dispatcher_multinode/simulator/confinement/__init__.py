"""The confinement of simulated boards: namespaces, chroot or none."""
