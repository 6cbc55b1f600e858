"""Workflow files: read with line and column, and judged as what makes a release."""
