"""Bundles changed at random: never anything but a verdict.

50 examples here, 200 in ``nox -s exhaustive``; as many as are wanted with ``nox -s fuzz``, which sets ``TAGSEAL_FUZZ``.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigstore.models import Bundle

from corpus import CASES, EXPECTED, SUFFIX, Case, trust
from instance import COMMIT, IDENTITY
from sampling import examples
from tagseal.names import printable
from tagseal.verification.facts import Facts, facts_of
from tagseal.verification.files import verify_files
from tagseal.verification.policy import Exact
from tagseal.verification.verify import Outcome, verify_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagseal.verification.timestamps import VerifierWithRoot

pytestmark = pytest.mark.sampled

EXAMPLES = examples(200)
FUZZ = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
GENUINE = [case for case in CASES if case.genuine]
DIGEST = "0" * 64

WORDS = st.text(st.characters(exclude_categories=()), max_size=8)
"""Lone surrogates among them."""
NUMBERS = st.integers() | st.integers(-(2**70), 2**70) | st.floats() | st.just(10**400)
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS | st.binary(max_size=40).map(lambda raw: b64encode(raw).decode())
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4))

Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def verifier() -> VerifierWithRoot:
    return trust().verifier


def judged(bundle: bytes, verifier: VerifierWithRoot, digest: str = DIGEST) -> Outcome:
    return verify_digest("widget", digest, bundle, Exact(IDENTITY, COMMIT), verifier)


def judge(content: bytes, original: bytes, bundle: bytes, verifier: VerifierWithRoot) -> None:
    """Demand a verdict in one line, which is ok only where certificate and signature are the genuine ones."""
    outcome = judged(bundle, verifier, hashlib.sha256(content).hexdigest())
    detail = outcome.verdict.detail
    assert detail == printable(detail)
    assert outcome.verdict.ok is (outcome.check is None)
    if outcome.verdict.ok:
        expected, actual = Bundle.from_json(original), Bundle.from_json(bundle)
        assert actual.signing_certificate == expected.signing_certificate
        assert actual.signature == expected.signature


def places(document: object, at: Place = ()) -> Iterator[Place]:
    """Yield every place in a document, but the document itself."""
    listed = enumerate(document) if isinstance(document, list) else ()
    for step, below in document.items() if isinstance(document, dict) else listed:
        yield (*at, step)
        yield from places(below, (*at, step))


def get(document: Any, path: Place) -> Any:  # noqa: ANN401 - JSON
    for step in path:
        document = document[step]
    return document


def bytes_in(document: object) -> list[Place]:
    """Return where bytes stand in Base64."""
    texts = [path for path in places(document) if isinstance(get(document, path), str)]
    return [path for path in texts if len(get(document, path)) > 40 and _bytes(get(document, path))]


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def damaged(data: st.DataObject, raw: bytes) -> bytes:
    """Return bytes with a piece of them replaced."""
    at = data.draw(st.integers(0, max(len(raw) - 1, 0)))
    piece = data.draw(st.binary(max_size=4) | st.sampled_from([b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\x02\x00"]))
    return raw[:at] + piece + raw[at + data.draw(st.integers(0, 6)) :]


def changed(data: st.DataObject, document: dict[str, Any]) -> None:
    """Change a document in one place."""
    path = data.draw(st.sampled_from(list(places(document)) or [()]))
    if not path:
        return
    holder: Any = get(document, path[:-1])
    name: Any = path[-1]
    match data.draw(st.sampled_from(["drop", "put", "swap", "bytes", "wrap", "copy"])):
        case "drop":
            del holder[name]
        case "put":
            holder[name] = data.draw(JSON)
        case "swap":
            other = data.draw(st.sampled_from(list(places(document))))
            holder[name] = deepcopy(get(document, other))
        case "bytes" if found := bytes_in(document):
            there = data.draw(st.sampled_from(found))
            raw = damaged(data, _bytes(get(document, there)))
            get(document, there[:-1])[there[-1]] = b64encode(raw).decode()
        case "wrap":
            holder[name] = [holder[name]] if data.draw(st.booleans()) else {str(name): holder[name]}
        case _ if isinstance(holder, list):
            holder.append(deepcopy(holder[name]))
        case _:
            holder[data.draw(WORDS)] = holder[name]


def written(data: st.DataObject, document: dict[str, Any]) -> bytes:
    """Write a document, now and then with a key twice, or with bytes that no JSON has."""
    text = json.dumps(document).encode("utf-8")
    match data.draw(st.sampled_from(["plain", "plain", "plain", "twice", "torn"])):
        case "twice":
            keys = data.draw(st.sampled_from(["mediaType", "rawBytes", "digest", "logIndex", "signature"]))
            return text.replace(f'"{keys}":'.encode(), f'"{keys}": null, "{keys}":'.encode(), 1)
        case "torn":
            return damaged(data, text)
    return text


@FUZZ
@given(case=st.sampled_from(GENUINE), data=st.data())
def test_a_bundle_that_was_changed_gives_a_verdict(case: Case, verifier: VerifierWithRoot, data: st.DataObject) -> None:
    """Whatever is changed in a genuine bundle: the answer is a verdict in one line, and ok only for what was signed."""
    name, original = next(iter(case.bundles().items()))
    document = json.loads(original)
    for _ in range(data.draw(st.integers(1, 4))):
        changed(data, document)
    judge(case.files()[name], original, written(data, document), verifier)


@FUZZ
@given(case=st.sampled_from(GENUINE), data=st.data())
def test_a_changed_bundle_has_a_cause(case: Case, data: st.DataObject) -> None:
    """The diagnosis reads the same hostile facts: whatever was changed, it tells a cause with a next step."""
    name, original = next(iter(case.bundles().items()))
    document = json.loads(original)
    for _ in range(data.draw(st.integers(1, 3))):
        changed(data, document)
    with TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(case.files()[name])
        (Path(folder) / f"{name}{SUFFIX}").write_bytes(written(data, document))
        (result,) = verify_files([folder], EXPECTED, trust())
    if not result.ok:
        assert result.check is not None
        assert result.cause is not None
        assert all(text == printable(text) for text in (result.cause.what, *result.cause.context))
        assert printable(result.cause.next, keep="\n") == result.cause.next


@pytest.mark.parametrize("part", ["certificate", "timestamps", "body", "checkpoint"])
@settings(FUZZ, max_examples=max(EXAMPLES // 4, 10))
@given(data=st.data())
def test_a_part_of_garbage_gives_a_verdict(part: str, verifier: VerifierWithRoot, data: st.DataObject) -> None:
    """Certificates, timestamps, entries and checkpoints made of garbage are verdicts, whichever parser meets them."""
    case = next(one for one in GENUINE if one.name == "genuine-today")
    name, original = next(iter(case.bundles().items()))
    document = json.loads(original)
    material = document["verificationMaterial"]
    entry = material["tlogEntries"][0]
    raw = _bytes(material["certificate"]["rawBytes"])
    garbage = data.draw(st.binary(max_size=200)) if data.draw(st.booleans()) else damaged(data, damaged(data, raw))
    text = b64encode(garbage).decode()
    match part:
        case "certificate":
            material["certificate"]["rawBytes"] = text
        case "timestamps":
            material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": text}]}
        case "body":
            entry["canonicalizedBody"] = text
        case "checkpoint":
            entry["inclusionProof"]["checkpoint"]["envelope"] = data.draw(WORDS) + garbage.decode("latin-1")
    judge(case.files()[name], original, json.dumps(document).encode(), verifier)


@FUZZ
@given(bundle=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_bundle_gives_a_verdict(bundle: bytes, verifier: VerifierWithRoot) -> None:
    """Bytes of any kind, and JSON of any kind, do not verify, and raise nothing."""
    assert not judged(bundle, verifier).verdict.ok


@FUZZ
@given(document=st.dictionaries(WORDS, JSON, max_size=4))
def test_any_object_has_facts(document: dict[str, Any]) -> None:
    """The facts of an object that is no bundle are empty."""
    assert facts_of(document) == Facts(
        media_type=document["mediaType"] if isinstance(document.get("mediaType"), str) else ""
    )


@FUZZ
@given(case=st.sampled_from(GENUINE), data=st.data())
def test_any_change_leaves_facts(case: Case, data: st.DataObject) -> None:
    """Whatever part of a bundle cannot be read: the others are facts all the same, and nothing is raised."""
    document = json.loads(next(iter(case.bundles().values())))
    for _ in range(data.draw(st.integers(1, 4))):
        changed(data, document)
    facts = facts_of(document)
    assert isinstance(facts.media_type, str)
    assert facts.signer.subjects == facts.subjects


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"verificationMaterial":{"tlogEntries":['])
@pytest.mark.parametrize("times", [500, 990, 2_000, 20_000])
def test_depth_is_a_verdict(opening: str, times: int, verifier: VerifierWithRoot) -> None:
    """However deep a document is: just within the reader's stack, just beyond it, or far beyond."""
    assert not judged((opening * times).encode(), verifier).verdict.ok
    closing = "".join({"[": "]", "{": "}"}.get(one, "") for one in reversed(opening))
    assert not judged((opening * times + "1" + closing * times).encode(), verifier).verdict.ok
