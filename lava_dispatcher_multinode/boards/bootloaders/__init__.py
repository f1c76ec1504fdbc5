"""Dialogues with boot loaders, one a file."""
