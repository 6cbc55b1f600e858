"""The second version of the log that the loopback plays: what it takes, what can be read, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from securesystemslib.dsse import Envelope
from werkzeug.test import Client

from tagseal.loopback.signatures import spki
from tagseal.loopback.sigstore.merkle import leaf_hash, node_hash
from tagseal.loopback.sigstore.rekor_tiles import HOST, RekorTiles
from tagseal.loopback.sigstore.tile_entries import LogEntry, build_request
from tagseal.loopback.sigstore.tiles import WIDTH

ENTRIES = "/api/v2/log/entries"
KEY = ec.generate_private_key(ec.SECP256R1())
KIND = "application/vnd.in-toto+json"


@pytest.fixture
def tiles() -> RekorTiles:
    return RekorTiles()


@pytest.fixture
def client(tiles: RekorTiles) -> Client:
    return Client(tiles)


def text(content: bytes) -> str:
    return b64encode(content).decode()


def record(message: bytes = b"message", key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(build_request(message, key))
    return read


def add(client: Client, request: dict[str, Any]) -> dict[str, Any]:
    got = client.post(ENTRIES, json=request)
    assert got.status_code == 201, got.text
    told: dict[str, Any] = got.json or {}
    return told


def refused(client: Client, request: object) -> str:
    got = client.post(ENTRIES, json=request)
    assert (got.status_code, (got.json or {})["code"]) == (400, 3)
    message: str = (got.json or {})["message"]
    return message


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A signed note, read and verified."""

    size: int
    root: bytes

    @classmethod
    def read(cls, note: str, key: ed25519.Ed25519PublicKey) -> Checkpoint:
        """Read C2SP ``signed-note`` and ``tlog-checkpoint``; the signature is by this key, under the log's name."""
        body, _, signatures = note.partition("\n\n")
        origin, size, root = body.split("\n")
        dash, name, signature = signatures.removesuffix("\n").split(" ")
        assert (dash, name, origin) == ("\N{EM DASH}", HOST, HOST)
        raw = b64decode(signature)
        named = hashlib.sha256(HOST.encode() + b"\n\x01" + key.public_bytes_raw()).digest()
        assert raw[:4] == named[:4]
        key.verify(raw[4:], f"{body}\n".encode())
        return cls(size=int(size), root=b64decode(root))


def included(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """Return the root that a proof leads to (RFC 9162 section 2.1.3.2)."""
    number, last, found = index, size - 1, leaf
    for one in path:
        if number % 2 or number == last:
            found = node_hash(one, found)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, one)
        number, last = number >> 1, last >> 1
    assert last == 0
    return found


def test_what_is_told_of_an_entry_proves_it(client: Client, tiles: RekorTiles) -> None:
    """Index, proof and checkpoint belong together, and nobody promises anything or tells the time."""
    for number in range(5):
        told = add(client, record(str(number).encode()))
        proof = told["inclusionProof"]
        checkpoint = Checkpoint.read(proof["checkpoint"]["envelope"], tiles.log.public_key)
        assert (told["logIndex"], proof["logIndex"]) == (str(number + 1), str(number + 1))
        assert (str(checkpoint.size), text(checkpoint.root)) == (proof["treeSize"], proof["rootHash"])
        leaf = leaf_hash(b64decode(told["canonicalizedBody"]))
        path = [b64decode(one) for one in proof["hashes"]]
        assert included(number + 1, checkpoint.size, leaf, path) == checkpoint.root
        assert (told["integratedTime"], told["inclusionPromise"]) == ("0", None)
        assert told["kindVersion"] == {"kind": "hashedrekord", "version": "0.0.2"}
        assert b64decode(told["logId"]["keyId"]) == tiles.log.key_id


def test_the_logs_name_depends_on_host_and_key(tiles: RekorTiles) -> None:
    """As of production's log: the whole of what a checkpoint's key is named by (C2SP ``signed-note``)."""
    raw = tiles.log.public_key.public_bytes_raw()
    assert tiles.log.key_id == hashlib.sha256(f"{HOST}\n\x01".encode() + raw).digest()


def test_the_body_is_canonical(client: Client) -> None:
    """The leaf is canonical JSON of what was asked for, with the digest's algorithm."""
    asked = record()
    body = b64decode(add(client, asked)["canonicalizedBody"])
    assert body == rfc8785.dumps(json.loads(body))
    request = asked["hashedRekordRequestV002"]
    assert json.loads(body) == {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": request["digest"]},
                "signature": request["signature"],
            }
        },
    }


def test_an_entry_is_there_once(client: Client, tiles: RekorTiles) -> None:
    """The same request again is a conflict, which names the index."""
    told = add(client, record())
    again = client.post(ENTRIES, json=record() | {"hashedRekordRequestV002": _request(told)})
    assert (again.status_code, (again.json or {})["code"], again.headers["x-log-index"]) == (409, 6, told["logIndex"])
    assert len(tiles.log) == 2


def _request(told: dict[str, Any]) -> dict[str, Any]:
    """Return the request that an entry came of."""
    spec = json.loads(b64decode(told["canonicalizedBody"]))["spec"]["hashedRekordV002"]
    return {"digest": spec["data"]["digest"], "signature": spec["signature"]}


def read_tree(client: Client, size: int) -> bytes:
    """Return the root as a monitor finds it: from the entries, and each tile compared on the way up."""
    bodies: list[bytes] = []
    for index in range(-(-size // WIDTH)):
        content = client.get(f"/api/v2/tile/entries/{address(index, size - index * WIDTH)}").data
        while content:
            length = int.from_bytes(content[:2])
            bodies.append(content[2 : 2 + length])
            content = content[2 + length :]
    assert len(bodies) == size
    level, row = 0, [leaf_hash(body) for body in bodies]
    while row:
        for index in range(-(-len(row) // WIDTH)):
            part = row[index * WIDTH : index * WIDTH + WIDTH]
            got = client.get(f"/api/v2/tile/{level}/{address(index, len(row) - index * WIDTH)}")
            assert got.data == b"".join(part)
        level += 1
        row = [_root(row[start : start + WIDTH]) for start in range(0, len(row) - WIDTH + 1, WIDTH)]
    return _root([leaf_hash(body) for body in bodies])


def _root(row: list[bytes]) -> bytes:
    if len(row) == 1:
        return row[0]
    middle = 1 << ((len(row) - 1).bit_length() - 1)
    return node_hash(_root(row[:middle]), _root(row[middle:]))


def address(index: int, width: int) -> str:
    """Return a tile's address (C2SP ``tlog-tiles``)."""
    digits = f"{index:03d}" if index < 1000 else f"x{index // 1000:03d}/{index % 1000:03d}"
    return digits if width >= WIDTH else f"{digits}.p/{width}"


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_a_monitor_reads_the_whole_log(client: Client, tiles: RekorTiles, size: int) -> None:
    """Checkpoint, tiles of every level and entry bundles, full and partial, make one tree."""
    for number in range(size - 1):
        tiles.log.add(LogEntry(kind="hashedrekord", body=str(number).encode()))
    checkpoint = Checkpoint.read(client.get("/api/v2/checkpoint").text, tiles.log.public_key)
    assert (checkpoint.size, checkpoint.root) == (size, read_tree(client, size))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("tile/0/000", 404),
        ("tile/0/000.p/3", 404),
        ("tile/0/001.p/1", 404),
        ("tile/1/000.p/1", 404),
        ("tile/9/000.p/1", 404),
        ("tile/entries/000", 404),
        ("tile/entries/000.p/3", 404),
        ("tile/0/0", 400),
        ("tile/0/000.p/0", 400),
        ("tile/0/000.p/257", 400),
        ("tile/0/x001", 400),
        ("tile/0/..%2fcheckpoint", 400),
        ("tile/x/000", 404),
        ("tile/entries/000.q/1", 400),
        ("log/entries", 405),
        ("nothing", 404),
    ],
)
def test_what_is_not_there_is_not_found(client: Client, path: str, status: int) -> None:
    """A tile that is not so wide yet is not there; an address of another form is an error."""
    add(client, record())
    assert client.get(f"/api/v2/{path}").status_code == status


def envelope(*keys: ec.EllipticCurvePrivateKey, payload: bytes = b"{}") -> dict[str, Any]:
    signed = Envelope(payload, KIND, {}).pae()
    signatures = [{"sig": text(key.sign(signed, ec.ECDSA(hashes.SHA256()))), "keyid": ""} for key in keys]
    return {"payload": text(payload), "payloadType": KIND, "signatures": signatures}


def verifier(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, details: str = "PKIX_ECDSA_P256_SHA_256") -> Any:  # noqa: ANN401 - JSON
    return {"publicKey": {"rawBytes": text(spki(key.public_key()))}, "keyDetails": details}


def test_an_envelope_of_an_older_client_is_an_entry_of_its_own_kind(client: Client) -> None:
    """Its payload's digest and each signature are kept, with the key that verifies it, in order."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
    made = envelope(*keys)
    told = add(client, {"dsseRequestV002": {"envelope": made, "verifiers": [verifier(key) for key in reversed(keys)]}})
    assert told["kindVersion"] == {"kind": "dsse", "version": "0.0.2"}
    kept = json.loads(b64decode(told["canonicalizedBody"]))["spec"]["dsseV002"]
    assert kept["payloadHash"] == {"algorithm": "SHA2_256", "digest": text(hashlib.sha256(b"{}").digest())}
    signatures = [(b64decode(one["content"]), one["verifier"]) for one in kept["signatures"]]
    assert signatures == sorted(
        ((b64decode(one["sig"]), verifier(key)) for one, key in zip(made["signatures"], keys, strict=True)),
        key=lambda one: one[0],
    )


@pytest.mark.parametrize("size", [2048, 3072])
def test_rsa_keys_are_taken(client: Client, size: int) -> None:
    """They sign over SHA-256, whatever their size."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    signature = key.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    by = verifier(key, f"PKIX_RSA_PKCS1V15_{size}_SHA256")
    content = {"digest": text(hashlib.sha256(b"message").digest())}
    content |= {"signature": {"content": text(signature), "verifier": by}}  # type: ignore[dict-item]  # JSON
    add(client, {"hashedRekordRequestV002": content})


def test_larger_curves_go_with_larger_digests(client: Client) -> None:
    """P-384 signs over SHA-384, and the entry says so."""
    key = ec.generate_private_key(ec.SECP384R1())
    by = verifier(key, "PKIX_ECDSA_P384_SHA_384")
    signature = {"content": text(key.sign(b"message", ec.ECDSA(hashes.SHA384()))), "verifier": by}
    digest = text(hashlib.sha384(b"message").digest())
    told = add(client, {"hashedRekordRequestV002": {"digest": digest, "signature": signature}})
    assert (
        json.loads(b64decode(told["canonicalizedBody"]))["spec"]["hashedRekordV002"]["data"]["algorithm"] == "SHA2_384"
    )


def changed(**changes: object) -> dict[str, Any]:
    """Return a good request with parts of it changed, by path."""
    asked = record()
    for path, value in changes.items():
        *where, last = path.split("__")
        found = asked["hashedRekordRequestV002"]
        for name in where:
            found = found[name]
        found[last] = value
    return asked


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        pytest.param({}, "invalid type", id="nothing"),
        pytest.param([], "invalid type", id="a list"),
        pytest.param({"hashedRekordRequestV001": {}}, "invalid type", id="another kind"),
        pytest.param({"proposedContent": {}}, "invalid type", id="of the first version"),
        pytest.param({**record(), "dsseRequestV002": {}}, "invalid type", id="two kinds"),
        pytest.param(changed(digest=text(bytes(32))), "invalid signature", id="another digest"),
        pytest.param(changed(digest=text(bytes(20))), "invalid signature", id="a short digest"),
        pytest.param(changed(signature__content=text(b"0")), "invalid signature", id="no signature"),
        pytest.param(
            changed(
                signature__verifier__publicKey={
                    "rawBytes": text(spki(ec.generate_private_key(ec.SECP256R1()).public_key()))
                }
            ),
            "invalid signature",
            id="another key",
        ),
        pytest.param(changed(signature__verifier__publicKey={"rawBytes": text(b"0")}), "deserialize", id="no key"),
        pytest.param(
            changed(signature__verifier__keyDetails="PKIX_ECDSA_P384_SHA_384"), "unsupported", id="another algorithm"
        ),
        pytest.param(changed(signature__verifier__keyDetails="PKIX_ED25519"), "unsupported", id="another kind of key"),
        pytest.param(
            {"dsseRequestV002": {"envelope": envelope(), "verifiers": []}}, "missing signatures", id="an empty envelope"
        ),
        pytest.param(
            {"dsseRequestV002": {"envelope": envelope(KEY), "verifiers": []}},
            "must have a key that verifies",
            id="an envelope without keys",
        ),
        pytest.param(
            {
                "dsseRequestV002": {
                    "envelope": envelope(KEY),
                    "verifiers": [verifier(ec.generate_private_key(ec.SECP256R1()))],
                }
            },
            "must have a key that verifies",
            id="an envelope with another key",
        ),
    ],
)
def test_a_bad_request_is_refused(client: Client, tiles: RekorTiles, request_: object, words: str) -> None:
    """With 400, and nothing is added."""
    assert words in refused(client, request_)
    assert len(tiles.log) == 1


def test_an_entry_that_does_not_fit_is_refused(client: Client, tiles: RekorTiles) -> None:
    """Its length has 16 bits in an entry bundle."""
    keys = [KEY] * 400
    many = {"dsseRequestV002": {"envelope": envelope(*keys), "verifiers": [verifier(KEY)]}}
    assert "entry of" in refused(client, many)
    assert len(tiles.log) == 1


def test_a_checkpoint_is_by_this_log(tiles: RekorTiles) -> None:
    """Another log's key does not verify it."""
    with pytest.raises((InvalidSignature, AssertionError)):
        Checkpoint.read(tiles.log.checkpoint(), RekorTiles().log.public_key)
