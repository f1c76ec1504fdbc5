"""The coordinator: sockets, access control and the wire protocols of the MultiNode API."""
