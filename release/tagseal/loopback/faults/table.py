"""Every fault: where it can happen, what happens then, and the report of somebody whom it has happened to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from twine import utils

from tagseal.loopback.faults import acts
from tagseal.loopback.github.accidents import Accidents
from tagseal.loopback.index.accidents import IndexAccidents
from tagseal.loopback.registry.accidents import ImageAccidents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagseal.loopback.faults.acts import Act

_INDEXES = (utils.DEFAULT_REPOSITORY, utils.TEST_REPOSITORY)
_REPOSITORY = r"/repo(s/[^/ ]+|sitories)/[^/ ]+"
_GITHUB = r"(api|uploads)\.github\.com .*"
_RELEASES = rf"(api|uploads)\.github\.com \S+ {_REPOSITORY}/releases.*"
_ONE_RELEASE = rf"(api|uploads)\.github\.com \S+ {_REPOSITORY}/releases/\d+.*"
_CREATE = rf"api\.github\.com POST {_REPOSITORY}/releases"
_UPLOAD = r"uploads\.github\.com POST .*"
_INDEX_UPLOAD = rf"({'|'.join(re.escape(urlsplit(index).hostname or '') for index in _INDEXES)}) POST /legacy/"
_BLOB = r"\S+ (PATCH|PUT) /v2/\S+/blobs/uploads/\S+"

_LIMIT = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    "documentation_url": "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api",
}
_AFTER = {"Retry-After": "1"}
"""Seconds: the real service asks for 60, which a rehearsal does not have."""
_EXPIRED = {"code": 3, "message": "There was an error processing the identity token", "details": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One fault of the table."""

    happens: str
    """What happens to a request that is hit."""
    report: str
    """``OWNER/REPO#NUMBER``, or an address, and what it tells."""
    act: Act
    at: str = ".*"
    """Regular expression; must match ``HOST METHOD PATH`` of a request that this can happen to at all."""


FAULTS: Mapping[str, FaultKind] = {
    # The connection.
    "slow": FaultKind(
        happens="The service answers two seconds late.",
        report="ChainSafe/lodestar#9703: a log entry that takes more than 5 s is sent again, and refused",
        act=acts.late,
    ),
    "drop-before": FaultKind(
        happens="The connection is cut before the service does anything.",
        report="softprops/action-gh-release#187: ECONNRESET from uploads.github.com ends the release",
        act=acts.cut_before,
    ),
    "drop-after": FaultKind(
        happens="The service does what it was asked; the connection is cut instead of the answer.",
        report="ncipollo/release-action#149: the upload is sent again, and meets already_exists",
        act=acts.cut_after,
    ),
    "body-cut": FaultKind(
        happens="The service does what it was asked; the connection is cut in the middle of the answer.",
        report="MFEK/glif#210: downloads of artifacts stop half way",
        act=acts.cut_within,
    ),
    # The server.
    "server-error": FaultKind(
        happens="The service answers 503 and does nothing.",
        report="hub4j/github-api#135: uploads.github.com answers every release with an error page",
        act=acts.answer_instead(503, {"message": "Service Unavailable"}),
    ),
    "bad-gateway": FaultKind(
        happens="The service does what it was asked, and answers 502 all the same.",
        report="getsentry/publish#540: 500 twice, and then already_exists",
        act=acts.do_and_answer(502, {"message": "Bad Gateway"}),
    ),
    "starter": FaultKind(
        happens="An upload breaks half way: 502, and an asset in the state starter that holds the name.",
        report="EvotecIT/PSPublishModule#698: interrupted uploads leave starter assets to reconcile",
        act=acts.send_half,
        at=_UPLOAD,
    ),
    # The limits.
    "limit-403": FaultKind(
        happens="GitHub answers 403, a secondary rate limit, and does not say for how long.",
        report="cli/cli#9586: gh release create with many files ends in HTTP 403",
        act=acts.answer_instead(403, _LIMIT),
        at=_GITHUB,
    ),
    "limit-403-after": FaultKind(
        happens="GitHub answers 403, a secondary rate limit, with Retry-After: 1.",
        report="softprops/action-gh-release#239: some of 215 files are missing; nobody heeds Retry-After",
        act=acts.answer_instead(403, _LIMIT, _AFTER),
        at=_GITHUB,
    ),
    "limit-429": FaultKind(
        happens="GitHub answers 429, a secondary rate limit, and does not say for how long.",
        report="OpenIPC/firmware#2187: a nightly release of 393 files fails every other night",
        act=acts.answer_instead(429, _LIMIT),
        at=_GITHUB,
    ),
    "limit-429-after": FaultKind(
        happens="GitHub answers 429, a secondary rate limit, with Retry-After: 1.",
        report="PX4/PX4-Autopilot#27838: 469 of 522 files are there; a re-run deletes them first",
        act=acts.answer_instead(429, _LIMIT, _AFTER),
        at=_GITHUB,
    ),
    # What GitHub tells.
    "digest-null": FaultKind(
        happens="GitHub knows no digest of any asset, as of those that are older than June 2025.",
        report="oven-sh/bun#28932: an asset without a digest is taken for a missing one",
        act=acts.digests(None),
        at=_RELEASES,
    ),
    "digest-wrong": FaultKind(
        happens="GitHub tells a digest that is not that of the bytes that were sent.",
        report="themuffinator/openQ4#160: what was stored was cut off, and so was what its digest is of",
        act=acts.digests(f"sha256:{'0' * 64}"),
        at=_RELEASES,
    ),
    "name-rewritten": FaultKind(
        happens="GitHub calls the uploaded file default, with its extension, as where it cannot spell the name.",
        report="cli/cli#10585: gh release upload ends well, and the file has another name",
        act=acts.rename_asset,
        at=_UPLOAD,
    ),
    "listing-lags": FaultKind(
        happens="A release is created or deleted, and the next three listings do not know of it.",
        report="softprops/action-gh-release#753: a draft just created is not listed, so a second one is made",
        act=acts.accident(Accidents.lag),
        at=rf"{_CREATE}|api\.github\.com DELETE {_REPOSITORY}/releases/\d+",
    ),
    "draft-twice": FaultKind(
        happens="One request creates two releases; the answer tells of the second.",
        report="tauri-apps/tauri-action#914: every now and then there are two drafts of one tag",
        act=acts.twice,
        at=_CREATE,
    ),
    "asset-as-json": FaultKind(
        happens="Whoever asks for an asset's bytes gets its description in JSON.",
        report="kaizensoze/node-github#109: the download is metadata",
        act=acts.as_json,
        at=rf"api\.github\.com GET {_REPOSITORY}/releases/assets/\d+",
    ),
    "download-truncated": FaultKind(
        happens="Half of a file's bytes arrive, and the answer says that these are all.",
        report="spiceai/spiceai#12121: a download that ended early is unpacked all the same",
        act=acts.shorten,
        at=r"(release-assets|pkg-containers)\.githubusercontent\.com .*",
    ),
    # Sigstore.
    "rekor-conflict": FaultKind(
        happens="The log takes the entry, and answers 409: it is there already.",
        report="sigstore/sigstore-go#647: Rekor answers 409 to a first request every now and then",
        act=acts.twice,
        at=r"(log2025-1\.)?rekor\.sigstore\.dev POST /api/v[12]/log/entries/?",
    ),
    "token-expired": FaultKind(
        happens="Fulcio refuses the identity token, as it does once that has expired.",
        report="sigstore/fulcio#1769: 400, There was an error processing the identity token",
        act=acts.answer_instead(400, _EXPIRED),
        at=r"fulcio\.sigstore\.dev POST .*",
    ),
    # Other people.
    "immutable": FaultKind(
        happens="From this request on the repository locks every release that is published.",
        report="anchorageoss/visualsign-parser#486: the setting changed, and the next release had no files",
        act=acts.accident(Accidents.lock_releases),
        at=_RELEASES,
    ),
    "tag-burnt": FaultKind(
        happens="An immutable release has used the tag, and was deleted: it cannot be released again.",
        report="github-community-projects/ospo-reusable-workflows#83: tag_name was used",
        act=acts.accident(Accidents.burn_tags),
        at=_RELEASES,
    ),
    "tag-moved": FaultKind(
        happens="Somebody moves the repository's tags to another commit before this request.",
        report="tj-actions/changed-files#2463: every tag led to an attacker's commit",
        act=acts.accident(Accidents.move_tags),
        at=rf"(api|uploads)\.github\.com \S+ {_REPOSITORY}.*",
    ),
    "draft-edited": FaultKind(
        happens="A person puts a line at the top of this draft's notes before this request.",
        report="FootprintAI/Containarium#1600: the workflow overwrites notes that were written by hand",
        act=acts.accident(Accidents.edit_draft),
        at=_ONE_RELEASE,
    ),
    "asset-added": FaultKind(
        happens="A person attaches a file to this draft before this request.",
        report="aio-libs/multidict#1503: 14 wheels were missing, and were uploaded by hand",
        act=acts.accident(Accidents.add_asset),
        at=_ONE_RELEASE,
    ),
    "asset-deleted": FaultKind(
        happens="A person deletes a finished asset of this draft before this request.",
        report="softprops/action-gh-release#187: half-uploaded files have to be deleted before a re-run",
        act=acts.accident(Accidents.delete_asset),
        at=_ONE_RELEASE,
    ),
    # Registries.
    "blob-upload-lost": FaultKind(
        happens="The registry forgets this upload, and every byte of it that has come.",
        report="GoogleContainerTools/jib#4301: GHCR answers 404, and 11 of 51 blobs are not there",
        act=acts.image_accident(ImageAccidents.lose_upload),
        at=_BLOB,
    ),
    "image-tag-moved": FaultKind(
        happens="Somebody moves the image's tags to another digest before this request.",
        report="openthread/openthread#13059: the same tags are pushed again and again",
        act=acts.image_accident(ImageAccidents.move_tags),
        at=r"\S+ \S+ /v2/\S+/(manifests|tags)/\S+",
    ),
    # Package indexes.
    "index-lags": FaultKind(
        happens="From this upload on, the index's next listings do not know of a fresh file: pip's longer than others.",
        report="pypi/warehouse#11512: pip finds no such version an hour after the JSON API has it",
        act=acts.index_accident(IndexAccidents.lag),
        at=_INDEX_UPLOAD,
    ),
    "index-name-taken": FaultKind(
        happens="Somebody sends other bytes under the file's name right before this upload.",
        report="pypa/gh-action-pypi-publish#155: several jobs send a file of one name, and the first one wins",
        act=acts.index_accident(IndexAccidents.take_name),
        at=_INDEX_UPLOAD,
    ),
    # The end of the client.
    "kill-before": FaultKind(
        happens="The client is killed (SIGKILL) before the service does anything.",
        report="actions/runner#2427: the runner has received a shutdown signal",
        act=acts.kill_before,
    ),
    "kill-within": FaultKind(
        happens="The client is killed (SIGKILL) half way through an upload.",
        report="aigengame/godot-agent#84: a job that dies while uploading cannot be run again",
        act=acts.kill_within,
        at=rf"{_UPLOAD}|{_BLOB}|{_INDEX_UPLOAD}",
    ),
    "kill-after": FaultKind(
        happens="The service does what it was asked; the client is killed (SIGKILL) before it hears of it.",
        report="aigengame/godot-agent#84: a job that dies between upload and publish strands the draft",
        act=acts.kill_after,
    ),
}
"""Every fault that can be asked for by name."""
