"""Timestamps while signing: asked for as the library does, but never gone without.

The library's signer logs a failing authority and signs on. In version 2 of the log it then holds an entry of which
nobody tells the time, and in version 1 the bundles of one release would differ by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tagseal.services.sigstore.failures import MissingTimestamp

if TYPE_CHECKING:
    from collections.abc import Sequence


class InsistentAuthority:
    """A client of a timestamp authority that says so when it fails."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - the library's type is private
        self._client = client
        self.url: str = client.url

    def request_timestamp(self, signature: bytes) -> Any:  # noqa: ANN401 - as above
        """Return a timestamp over a signature.

        Raises:
            Unstamped: The authority gave none.
        """
        try:
            return self._client.request_timestamp(signature)
        except Exception as error:
            raise MissingTimestamp(f"no timestamp from {self.url}") from error


def insistent(clients: Sequence[Any]) -> list[Any]:
    """Return these clients of timestamp authorities, insisting."""
    return [InsistentAuthority(client) for client in clients]
