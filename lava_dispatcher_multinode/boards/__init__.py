"""Boards: drivers, boot loaders, login, deployment, power; from power-on to a shell."""
