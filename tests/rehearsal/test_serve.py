"""``--serve``: the release page, in a browser, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rehearsing import Served


def test_ctrl_c_is_the_way_to_end_it(served: Served) -> None:
    """It ends well, and nothing is left running or lying about."""
    assert served.ended.code == 0
    assert served.ended.leftovers == ()
    assert "Traceback" not in served.ended.errors


def test_the_page_is_for_this_address_only(served: Served) -> None:
    """A name that somebody lets point here is refused, so no other page can read this one."""
    assert served.answers["page"].status == 200
    assert served.answers["another host"].status == 421
    assert b"widget" not in served.answers["another host"].body


def test_nothing_on_the_page_may_load_or_run_anything(served: Served) -> None:
    """The policy forbids all but its own style, and what a changelog has of scripts is text, or gone, before that."""
    page = served.answers["page"]
    policy = page.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert not [rule for rule in policy if rule.startswith(("script-src", "img-src", "connect-src"))]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert b"A widget that turns." in page.body
    assert b"<b>bold</b>" in page.body
    assert [word for word in (b"<script", b"onerror", b"onclick") if word in page.body] == []
    assert (
        page.body.count(b"executed")
        == page.body.count(b'&lt;script&gt;document.title = "executed"&lt;/script&gt;')
        == 1
    )


def test_an_asset_is_downloaded_as_it_is(served: Served) -> None:
    """Bytes for bytes, as a download; and nothing but assets."""
    asset = served.answers["asset"]
    assert (asset.status, asset.body) == (200, b"extra\n")
    assert asset.headers["content-disposition"] == 'attachment; filename="widget+extra.txt"'
    assert asset.headers["content-type"] == "application/octet-stream"
    assert served.answers["another asset"].status == 404
    assert served.answers["outside"].status == 404


@pytest.mark.interop
def test_a_browser_shows_it_and_runs_nothing(served: Served) -> None:
    """A real browser finds instructions and assets, and the changelog's script did not get to the title."""
    if not served.document:
        pytest.skip("chromium is not on PATH")
    assert "<title>v1.2.3 · example/widget</title>" in served.document
    assert "sigstore verify identity" in served.document
    assert 'href="/assets/widget-1.2.3.tar.gz.sigstore.json"' in served.document
