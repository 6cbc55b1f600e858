"""The loopback internet: production names that lead to stand-ins on this machine (design, section 3).

Importing this package costs what sigstore and Werkzeug cost; its importers do it late.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from twine import repository, utils

from tagseal.loopback.actions import TOKEN_LIFETIME, Issuer, TokenEndpoint
from tagseal.loopback.door import Door, Hosts
from tagseal.loopback.faults import Faults
from tagseal.loopback.github import PlayedGitHub
from tagseal.loopback.github.pages import plain
from tagseal.loopback.index import PlayedIndex
from tagseal.loopback.index.accidents import IndexAccidents
from tagseal.loopback.registry import GHCR, PlayedRegistry, storage
from tagseal.loopback.registry.accidents import ImageAccidents
from tagseal.loopback.server import Server
from tagseal.loopback.sigstore import PlayedSigstore, certificates
from tagseal.loopback.sigstore.trust import (
    FULCIO,
    REKOR,
    TILES,
    TIMESTAMPS,
    Log,
    Signing,
    client_trust_config,
    keys,
    trusted_root,
)
from tagseal.loopback.sigstore.tuf import TUF, Tuf
from tagseal.loopback.transcript import Recorder, Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from wsgiref.types import WSGIApplication

    from tagseal.loopback.faults import Fault


class Loopback:
    """Everything, started together and closed together: a context manager.

    It leaves ``ca.pem``, ``trust.json``, ``trusted_root.json``, ``root.json`` (TUF's), ``transcript.jsonl`` and the
    files of :data:`~tagseal.loopback.sigstore.trust.KEYS` in its folder; no file there holds a secret.
    """

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        *,
        folder: Path,
        latency: float = 0.0,
        faults: Iterable[Fault] = (),
        hosts: Mapping[str, WSGIApplication] | None = None,
        port: int = 0,
        render: Callable[[str], str] = plain,
        token_lifetime: int = TOKEN_LIFETIME,
        certificate_lifetime: int = certificates.LIFETIME,
        registries: Iterable[str] = (),
        index: tuple[str, str] | None = None,
        log: Log = "v1",
        issuer: Issuer | None = None,
    ) -> None:
        """Start.

        Args:
            folder: Where the files go.
            latency: Seconds added to every request.
            faults: What goes wrong; ``faults.set`` changes it while this runs.
            hosts: Further names, and what plays them.
            port: The door's; 0 for a free one.
            render: Makes safe HTML of notes, for the release pages.
            token_lifetime: Seconds that an identity token is good for.
            certificate_lifetime: Seconds that a signing certificate is good for.
            registries: Names of container registries to play, each its own, besides ``ghcr.io``.
            index: Addresses of one more package index than those that twine knows: its simple API's root, and where
                files are sent to. It takes tokens that people made, no identities.
            log: Which version of the transparency log signers are sent to; verifiers trust both.
            issuer: Who signs identity tokens; None for one with a key of its own.

        Raises:
            UsageError: The port is taken.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.github = PlayedGitHub(folder / "objects", render=render)
        self.issuer = issuer or Issuer()
        self.tokens = TokenEndpoint(self.issuer, lifetime=token_lifetime)
        self.sigstore = PlayedSigstore(self.issuer, certificate_lifetime=certificate_lifetime)
        self.fulcio, self.rekor = self.sigstore.fulcio, self.sigstore.rekor
        self.signing = Signing(log=log)
        self.tuf = Tuf(self.sigstore, self.signing)
        self.registries = {name: self._registry(name) for name in (GHCR, *registries)}
        self.registry = self.registries[GHCR]
        self.indexes = self._play_indexes(index)
        self.index = self.indexes["pypi"]
        table = Hosts({**self._play_hosts(), **(hosts or {})}, direct=self.tokens)
        images = ImageAccidents({name: registry.state for name, registry in self.registries.items()})
        indexes = IndexAccidents({host: one.state for one in self.indexes.values() for host in one.hosts})
        self.faults = Faults(table, self.github.accidents, images, indexes, faults, latency=latency)
        self._start(table, port)
        self._write()

    def _start(self, table: Hosts, port: int) -> None:
        """Serve, and open the door."""
        with ExitStack() as stack:
            self.transcript = stack.enter_context(Transcript(self.folder / "transcript.jsonl"))
            server = Server(Recorder(self.faults, self.transcript))
            stack.callback(server.close)
            stack.callback(self.faults.close)
            self.door = Door(table, server.address, self.transcript, port=port)
            stack.callback(self.door.close)
            self._stack = stack.pop_all()
        host, number = server.address
        self.oidc_url = f"http://{host}:{number}{TokenEndpoint.path}"

    def environment(self) -> dict[str, str]:
        """Return what a child's environment needs so that names lead here. The proxy's address holds a password."""
        authority = str(self.folder / "ca.pem")
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), self.door.url)
        trusted = dict.fromkeys(
            ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"),
            authority,
        )
        trust = {"TAGSEAL_TRUST_CONFIG": str(self.folder / "trust.json")}
        return {**proxies, "NO_PROXY": "", "no_proxy": "", **trusted, **trust}

    def close(self) -> None:
        """Cut every connection and stop every thread; what the stand-ins know can still be asked."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _play_hosts(self) -> dict[str, WSGIApplication]:
        """Return what plays each name."""
        return {
            _host(FULCIO): self.sigstore.fulcio,
            _host(REKOR): self.sigstore.rekor,
            _host(TILES): self.sigstore.tiles,
            _host(TIMESTAMPS): self.sigstore.timestamps,
            _host(TUF): self.tuf,
            **self.github.hosts,
            **self.registries,
            **{host: index for index in self.indexes.values() for host in index.hosts},
            storage.HOST: self.registry.store_elsewhere(),
        }

    def _play_indexes(self, further: tuple[str, str] | None) -> dict[str, PlayedIndex]:
        """Return the indexes by name: twine's two, and ``other``."""
        places = {
            "pypi": (repository.WAREHOUSE_WEB, utils.DEFAULT_REPOSITORY),
            "testpypi": (repository.TEST_WAREHOUSE, utils.TEST_REPOSITORY),
        }
        folder = self.folder / "indexes"
        found = {
            name: PlayedIndex(
                folder / name,
                self.issuer,
                self.sigstore,
                name=name,
                simple=f"{site}simple/",
                upload=upload,
                site=site,
            )
            for name, (site, upload) in places.items()
        }
        if further:
            simple, upload = further
            found["other"] = PlayedIndex(
                folder / "other", self.issuer, self.sigstore, name="other", simple=simple, upload=upload
            )
        return found

    def _registry(self, name: str) -> PlayedRegistry:
        registry = PlayedRegistry(self.folder / "registries" / name, self.github.packages, referrers=name != GHCR)
        registry.state.account = self.github.account
        return registry

    def close_fresh_packages(self) -> None:
        """Let a package be private at its first push, as at GHCR, until somebody opens it."""
        for registry in self.registries.values():
            registry.rules.fresh_private = True

    def _write(self) -> None:
        (self.folder / "ca.pem").write_bytes(self.door.authority)
        (self.folder / "root.json").write_bytes(self.tuf.root)
        trust = {
            "trust.json": client_trust_config(self.sigstore, self.signing),
            "trusted_root.json": trusted_root(self.sigstore),
        }
        for name, document in trust.items():
            (self.folder / name).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        for name, pem in keys(self.sigstore).items():
            (self.folder / name).write_bytes(pem)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
