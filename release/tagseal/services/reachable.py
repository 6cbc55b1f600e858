"""Whether a service answers, and what time it says it is."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from tagseal.services import transport

SIGSTORE = (
    "https://fulcio.sigstore.dev/api/v2/trustBundle",
    "https://rekor.sigstore.dev/api/v1/log",
    "https://tuf-repo-cdn.sigstore.dev/timestamp.json",
)
"""What certifies, what logs, and where the root of trust comes from: one public page of each."""


def ask_time(url: str, timeout: float) -> datetime | None:
    """Return the time of an answer, whatever it says, or None where there is none in so many seconds."""
    try:
        with transport.session((timeout, timeout)) as session:
            answer = session.head(url, allow_redirects=False)
        told = parsedate_to_datetime(answer.headers.get("Date", ""))
    except (requests.RequestException, ValueError, TypeError):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
