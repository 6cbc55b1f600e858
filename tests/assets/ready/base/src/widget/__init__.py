"""A widget that turns."""

TURNS = True
