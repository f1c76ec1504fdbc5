"""The MultiNode rules of a group: pure functions and state, without sockets, clocks or threads."""
