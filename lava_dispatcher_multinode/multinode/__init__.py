"""The MultiNode rules. `state` and `wire` touch no socket, clock or thread."""
