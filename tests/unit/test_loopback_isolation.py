"""Ways round the door that other programs of this machine could try."""

from __future__ import annotations

import http.client
import socket
import sys
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from werkzeug import Response

from tagseal.loopback import Loopback

NAME = "played.example"
CANARY = "canary-7f3a9c"


def relayed(server: int) -> list[int]:
    """Return the ports that connections to the server behind the door come from: every program can look."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = [(int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16), row[3]) for row in rows]
    return [ours for ours, theirs, state in ends if theirs == server and state == "01"]


@pytest.mark.system
@pytest.mark.skipif(sys.platform != "linux", reason="every address of 127.0.0.0/8 is this machine's on Linux only")
def test_another_address_with_a_relayed_port_does_not_share_its_connection(tmp_path: Path) -> None:
    """The server behind the door knows a relayed connection by address and port, not by its port alone."""
    with Loopback(folder=tmp_path, hosts={NAME: Response("played")}) as loopback, requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": loopback.door.url}
        session.verify = str(tmp_path / "ca.pem")
        assert session.get(f"https://{NAME}/").text == "played"

        server = urlsplit(loopback.oidc_url).port or 0
        [port] = relayed(server)
        past = http.client.HTTPConnection("127.0.0.1", server, source_address=("127.0.0.2", port), timeout=5)
        past.request("GET", "/", headers={"Host": NAME})
        assert past.getresponse().status == 421
        past.close()
        assert session.get(f"https://{NAME}/").text == "played"


@pytest.mark.system
def test_an_address_without_a_name_is_not_written_down(tmp_path: Path) -> None:
    """Who takes the door for a server is refused, and what it asked for, perhaps with a token, is not told."""
    with Loopback(folder=tmp_path) as loopback:
        user = b64encode(urlsplit(loopback.door.url).netloc.partition("@")[0].encode()).decode()
        with socket.create_connection(("127.0.0.1", loopback.door.port), timeout=5) as connection:
            head = f"GET /path?token={CANARY} HTTP/1.1\r\nProxy-Authorization: Basic {user}\r\n\r\n"
            connection.sendall(head.encode())
            answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 403")
    assert CANARY not in (tmp_path / "transcript.jsonl").read_text()
