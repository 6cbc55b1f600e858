"""The cases of ``tests/assets/verify``: importing these modules fills :data:`forging.case.CASES`."""

from forging.cases import certificates, files, genuine, identities, logs, names, reading, statements, timestamps

__all__ = ["certificates", "files", "genuine", "identities", "logs", "names", "reading", "statements", "timestamps"]
