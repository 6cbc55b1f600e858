"""The transparency log that the loopback plays: what it takes, what it tells, and what it refuses."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from werkzeug.test import Client

from tagseal.loopback.sigstore.entries import build_proposal
from tagseal.loopback.sigstore.log import EARLIER
from tagseal.loopback.sigstore.merkle import leaf_hash
from tagseal.loopback.sigstore.rekor import Rekor

ENTRIES = "/api/v1/log/entries"
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def rekor() -> Rekor:
    return Rekor()


@pytest.fixture
def client(rekor: Rekor) -> Client:
    return Client(rekor)


def text(content: bytes) -> str:
    return b64encode(content).decode()


def record(message: bytes = b"message", key: ec.EllipticCurvePrivateKey = KEY) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(build_proposal(message, key))
    return read


def add(client: Client, entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    answer = client.post(ENTRIES, json=entry)
    assert answer.status_code == 201, answer.text
    ((uuid, told),) = (answer.json or {}).items()
    assert answer.headers["Location"] == f"{ENTRIES}/{uuid}"
    return uuid, told


def public_key(client: Client) -> ec.EllipticCurvePublicKey:
    key = load_pem_public_key(client.get("/api/v1/log/publicKey").data)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def test_a_new_entry_is_found_in_every_way(client: Client) -> None:
    """The name with and without the tree's, the index, and the entry itself lead to the same entry."""
    uuid, told = add(client, record())
    ways = {"entryUUIDs": [uuid, uuid[16:]], "logIndexes": [told["logIndex"]]}
    answers = [
        client.get(f"{ENTRIES}/{uuid}").json,
        client.get(f"{ENTRIES}/{uuid[16:]}").json,
        client.get(ENTRIES, query_string={"logIndex": told["logIndex"]}).json,
        *(client.post(f"{ENTRIES}/retrieve", json=ways).json or []),
    ]
    assert [list(answer or {}) for answer in answers] == [[uuid]] * 6
    assert {(answer or {})[uuid]["body"] for answer in answers} == {told["body"]}


def test_an_entry_is_looked_up_by_what_was_proposed(client: Client) -> None:
    """A client that lost the answer asks with its own proposal, also at the path with a final slash."""
    entry = record()
    uuid, _ = add(client, entry)
    answer = client.post(f"{ENTRIES}/retrieve/", json={"entries": [entry]})
    assert [list(found) for found in answer.json or []] == [[uuid]]


def test_the_timestamp_promises_body_time_log_and_index(client: Client) -> None:
    """The signed entry timestamp verifies with the published key over canonical JSON, and over nothing else."""
    _, told = add(client, record())
    promise = b64decode(told["verification"]["signedEntryTimestamp"])
    promised = {name: told[name] for name in ("body", "integratedTime", "logID", "logIndex")}
    public_key(client).verify(promise, rfc8785.dumps(promised), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public_key(client).verify(promise, rfc8785.dumps({**promised, "integratedTime": 1}), ec.ECDSA(hashes.SHA256()))


def test_the_checkpoint_is_a_signed_note_of_the_root(client: Client) -> None:
    """Origin, size and root, an empty line, a signature that starts with four bytes of the key's digest."""
    _, told = add(client, record())
    state = client.get("/api/v1/log").json
    assert state is not None
    proof = told["verification"]["inclusionProof"]
    note, _, signature = proof["checkpoint"].partition("\n\n")
    root = text(bytes.fromhex(proof["rootHash"]))
    assert note == f"rekor.sigstore.dev - {state['treeID']}\n{proof['treeSize']}\n{root}"
    dash, name, content = signature.rstrip("\n").split(" ")
    assert (dash, name, signature[-1]) == ("—", "rekor.sigstore.dev", "\n")
    hint, signed = b64decode(content)[:4], b64decode(content)[4:]
    assert hint.hex() == told["logID"][:8]
    public_key(client).verify(signed, f"{note}\n".encode(), ec.ECDSA(hashes.SHA256()))


def test_the_state_is_that_of_the_last_entry(client: Client) -> None:
    """The log's own answer shows the same size and root as the newest entry's proof."""
    _, told = add(client, record())
    state, proof = client.get("/api/v1/log").json or {}, told["verification"]["inclusionProof"]
    assert (state["treeSize"], state["rootHash"]) == (proof["treeSize"], proof["rootHash"])
    assert proof["treeSize"] == proof["logIndex"] + 1


def test_an_index_over_all_trees_is_not_one_in_this_tree(client: Client) -> None:
    """The entry's index counts the earlier trees; the proof's does not."""
    _, told = add(client, record())
    assert told["logIndex"] - told["verification"]["inclusionProof"]["logIndex"] == EARLIER


def test_no_clients_entry_is_the_first(client: Client) -> None:
    """Protobuf's JSON leaves out index 0 and an empty proof, and sigstore-python refuses a bundle without."""
    _, told = add(client, record())
    assert told["verification"]["inclusionProof"]["logIndex"] > 0
    assert told["verification"]["inclusionProof"]["hashes"]


def test_an_equal_entry_is_a_conflict_that_tells_where_it_is(client: Client, rekor: Rekor) -> None:
    """A repeated proposal gets 409 and the place of the first; the log does not grow."""
    entry = record()
    uuid, _ = add(client, entry)
    size = len(rekor.log)
    answer = client.post(ENTRIES, json=entry)
    message = f"an equivalent entry already exists in the transparency log with UUID {uuid}"
    assert (answer.status_code, answer.json) == (409, {"code": 409, "message": message})
    assert answer.headers["Location"] == f"{ENTRIES}/{uuid}"
    assert len(rekor.log) == size


def test_growth_is_proved(client: Client) -> None:
    """The consistency proof between sizes 1 and 2 is the second leaf's hash."""
    _, told = add(client, record())
    answer = client.get("/api/v1/log/proof", query_string={"firstSize": 1, "lastSize": 2}).json
    assert answer == {
        "hashes": [leaf_hash(b64decode(told["body"])).hex()],
        "rootHash": told["verification"]["inclusionProof"]["rootHash"],
    }


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (2, 1, "firstSize(2) must be less than lastSize(1)"),
        (1, 9, "the tree size requested(9) was greater than what is currently observable(1)"),
    ],
)
def test_growth_that_never_was_is_refused(client: Client, first: int, last: int, message: str) -> None:
    """Reversed sizes, and a size that the log never had, are 400 in Rekor's words."""
    answer = client.get("/api/v1/log/proof", query_string={"firstSize": first, "lastSize": last})
    assert (answer.status_code, answer.json) == (400, {"code": 400, "message": message})


def test_what_does_not_verify_never_enters(client: Client, rekor: Rekor) -> None:
    """A signature over something else is 400 with the reason, and the log does not grow."""
    entry, size = record(), len(rekor.log)
    entry["spec"]["data"]["hash"]["value"] = "0" * 64
    answer = client.post(ENTRIES, json=entry)
    message = "error processing entry: verifying signature: invalid signature"
    assert (answer.status_code, answer.json) == (400, {"code": 400, "message": message})
    assert len(rekor.log) == size


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_body_that_is_no_entry_is_refused(client: Client, body: bytes) -> None:
    """Whatever is sent, the answer is an error in JSON."""
    answer = client.post(ENTRIES, data=body)
    assert (answer.status_code, (answer.json or {})["code"]) == (400, 400)


@pytest.mark.parametrize(
    "place",
    [
        f"{ENTRIES}/{'0' * 64}",
        f"{ENTRIES}/{'0' * 80}",
        f"{ENTRIES}?logIndex=0",
        f"{ENTRIES}?logIndex={EARLIER - 1}",
        f"{ENTRIES}?logIndex={EARLIER + 99}",
        f"{ENTRIES}?logIndex=-1",
        "/api/v2/log",
    ],
)
def test_what_is_not_there_is_not_found(client: Client, place: str) -> None:
    """An unknown name, an index outside this tree and an unknown path are 404."""
    assert client.get(place).status_code == 404


def test_an_entry_of_another_tree_is_not_found(client: Client) -> None:
    """The tree's part of a name counts: the same leaf under another tree's identifier is 404."""
    uuid, _ = add(client, record())
    assert client.get(f"{ENTRIES}/{'0' * 16}{uuid[16:]}").status_code == 404


def test_a_query_is_bounded(client: Client) -> None:
    """More than ten at once are refused, as at the public instance; absent ones are left out."""
    assert client.post(f"{ENTRIES}/retrieve", json={"logIndexes": [1] * 11}).status_code == 422
    assert client.post(f"{ENTRIES}/retrieve", json={"logIndexes": [1], "entryUUIDs": ["0" * 64]}).json == []
    assert client.post(f"{ENTRIES}/retrieve", data=b"{").status_code == 422
    assert client.get(ENTRIES).status_code == 422
