"""The noxfile of a release's jobs, which are never given the project's own.

A noxfile of the checkout is code at the tag, and these jobs hold an identity or a token that writes. ``tagseal
noxfile`` prints where this file lies: ``nox --noxfile "$(python -P -m tagseal noxfile)" -s guard sign upload prove``.
"""

from __future__ import annotations

import tagseal.sessions

tagseal.sessions.register()
