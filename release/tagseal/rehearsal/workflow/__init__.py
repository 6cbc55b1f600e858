"""A release workflow, played as it is written."""
