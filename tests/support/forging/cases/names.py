"""Which bytes have which name: signatures bind no names, a signed ``SHA256SUMS`` does."""

from __future__ import annotations

import hashlib

from forging.case import Files, attack, flipped, genuine
from forging.release import CONTENT, FILE, Workshop, written
from tagseal.verification.result import Check

_SUMS = "SHA256SUMS"
_SDIST = "widget-1.2.3.tar.gz"
_OTHER = b"A source distribution, as far as a signature knows.\n"


@genuine()
def genuine_release(shop: Workshop) -> Files:
    """Two files and the list of both, all signed."""
    return _release(shop, _lines({FILE: CONTENT, _SDIST: _OTHER}), {FILE: CONTENT, _SDIST: _OTHER})


@genuine()
def genuine_list_of_files_that_are_not_here(shop: Workshop) -> Files:
    """Whoever needs one file downloads one file, and the list of all."""
    return _release(shop, _lines({FILE: CONTENT, _SDIST: _OTHER}))


@genuine()
def genuine_list_in_binary_mode(shop: Workshop) -> Files:
    """A list may have a star before each name, and digests in capital letters."""
    return _release(shop, f"{hashlib.sha256(CONTENT).hexdigest().upper()} *{FILE}\n".encode())


@attack(Check.name, "expected them as 'widget-1.2.3.tar.gz'")
def renamed_file(shop: Workshop) -> Files:
    """A genuine file with its genuine bundle, under a name that the list gives to no file."""
    wrong = FILE.replace("1.2.3", "9.9.9")
    return _release(shop, _lines({_SDIST: _OTHER}), {wrong: _OTHER})


@attack(Check.name, "as SHA256SUMS lists it")
def file_under_anothers_name(shop: Workshop) -> Files:
    """A genuine file with its genuine bundle, under the name of another genuine file."""
    return _release(shop, _lines({FILE: CONTENT, _SDIST: _OTHER}), {FILE: _OTHER})


@attack(Check.name, "as SHA256SUMS lists it")
def list_with_digest_of_another(shop: Workshop) -> Files:
    """The signed list gives the name to other bytes."""
    return _release(shop, _lines({FILE: flipped(CONTENT)}))


@attack(Check.name, "expected it once")
def list_with_name_twice(shop: Workshop) -> Files:
    """The list gives a name to two files: two readers may take different ones."""
    return _release(shop, _lines({FILE: CONTENT}) + _lines({FILE: _OTHER}), {})


@attack(Check.name, "expected a plain file's")
def list_with_path(shop: Workshop) -> Files:
    """The list names a file outside its folder."""
    return _release(shop, _lines({f"../{FILE}": CONTENT}), {})


@attack(Check.name, "expected a digest and a name")
def list_with_comment(shop: Workshop) -> Files:
    """The list has a line that is no digest and name."""
    return _release(shop, b"# made by hand\n" + _lines({FILE: CONTENT}), {})


@attack(Check.name, "expected a digest and a name")
def list_with_escaped_name(shop: Workshop) -> Files:
    """The list has a name in the form that sha256sum uses for a line break in it."""
    return _release(shop, b"\\" + _lines({f"{FILE}\\n": CONTENT}), {})


@attack(Check.name, "expected a digest and a name")
def list_of_nothing(shop: Workshop) -> Files:
    """The list is empty."""
    return _release(shop, b"", {})


@attack(Check.signature, "Bundle message digest mismatch")
def list_changed_after_signing(shop: Workshop) -> Files:
    """The list was changed to fit another file, and its bundle is of the list before."""
    files = _release(shop, _lines({FILE: CONTENT}))
    return {**files, _SUMS: _lines({FILE: _OTHER})}


@attack(Check.bundle, "expected 'SHA256SUMS.sigstore.json'")
def list_without_bundle(shop: Workshop) -> Files:
    """Nobody has signed the list."""
    files = _release(shop, _lines({FILE: CONTENT}))
    del files[f"{_SUMS}.sigstore.json"]
    return files


def _lines(files: Files) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()).encode()


def _release(shop: Workshop, lines: bytes, files: Files | None = None) -> Files:
    """Return files and the list of them, each with its bundle."""
    wanted = {**({FILE: CONTENT} if files is None else files), _SUMS: lines}
    bundles = {f"{name}.sigstore.json": written(shop.bundle(content)) for name, content in wanted.items()}
    return {**wanted, **bundles}
