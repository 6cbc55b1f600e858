"""Requests that end: libraries of ours make sessions that would wait for ever, and offer no timeout of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    import requests


class Timely(HTTPAdapter):
    """Let no request of a session wait for ever, nor be sent a second time by itself."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        """Prepare: seconds for a connection, and without a byte of the answer."""
        super().__init__()
        self._timeout = timeout

    def send(self, *arguments: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - as requests has it
        """Send, with a timeout where the caller names none."""
        return super().send(*arguments, **{**options, "timeout": options.get("timeout") or self._timeout})

    def on(self, session: requests.Session) -> None:
        """Take over a session's requests."""
        session.mount("https://", self)
        session.mount("http://", self)
