"""What can happen to an index while somebody publishes: each act takes the host of a request.

An act returns whether it could happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.loopback.index.state import IndexState

_LAG, _SIMPLE_LAG = 1, 3
"""Listings that do not know of a fresh file, of the JSON API and of the simple one."""


class IndexAccidents:
    """Accidents of the indexes; each takes a state's lock."""

    def __init__(self, states: Mapping[str, IndexState]) -> None:
        """Let them happen to these states, by host."""
        self._states = states

    def lag(self, host: str) -> bool:
        """Let the next listings not know of files that come from now on."""
        state = self._states.get(host)
        if state is None:
            return False
        with state.lock:
            state.rules.lag, state.rules.simple_lag = _LAG, _SIMPLE_LAG
        return True

    def take_name(self, host: str) -> bool:
        """Let somebody else send other bytes under the name of the next file that has a fresh one."""
        state = self._states.get(host)
        if state is None:
            return False
        with state.lock:
            state.rival = True
        return True
