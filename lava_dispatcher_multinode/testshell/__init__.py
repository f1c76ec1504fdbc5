"""Runs lava-test-runner on a board: MultiNode calls, signals and results over its console."""
