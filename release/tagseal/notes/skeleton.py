"""What a heading looks like, whatever letters it is made of: the skeleton of UTS #39, as far as Latin letters go."""

from __future__ import annotations

import unicodedata

from tagseal.names import is_invisible

_ALIKE = {
    "2": "01A7 03E8 14BF A644 A6EF A75A",
    "3": "01B7 021C 0417 04E0 2CCC A76A A7AB 118CA 16F3B 1D206",
    "4": "13CE 118AF",
    "5": "01BC 118BB",
    "6": "0431 13EE 2CD2 118D5",
    "7": "104D2 118C6 1D212",
    "8": "0223 09EA 0A6A 0B03 1031A",
    "9": "09ED 0A67 0B68 0D6D 2CCA A76E 118CC 118D6",
    "a": "0251 03B1 0430 13AA 15C5 237A A4EE 102A0 16F40",
    "b": "0184 0392 0412 042C 13CF 13F4 1472 15AF 15F7 A4D0 A7B4 10282 102A1 10301",
    "c": "0441 13DF 1D04 2CA5 A4DA 102A2 10302 1043D 1051C 118E9 118F2 1F74C",
    "d": "0501 13A0 13E7 146F 15DE 15EA A4D2 A4D3",
    "e": "0395 0435 04BD 13AC 212E 22FF 2D39 A4F0 AB32 10286 118A6 118AE",
    "f": "03DC 0584 15B4 1E9D A4DD A799 AB35 10287 102A5 10525 118C2 1D213",
    "g": "018D 0261 050C 0581 13C0 13F3 1D83 A4D6",
    "h": "0397 041D 04BB 0570 13BB 13C2 157C 2C8E A4E7 102CF",
    "j": "03F3 0458 13AB 148D A4D9 A7B2",
    "k": "039A 041A 13E6 16D5 2C94 A4D7 10518",
    "l": (
        "0131 01C0 0269 026A 03B9 0456 04CF 06F1 13A5 13DE 14AA 16C1 2223 2373 23FD 2C92 2CD0 2D4F A4E1 A4F2 A647 "
        "1028A 10309 10320 1041B 10526 118B2 118C3 16F16 16F28 1D22A"
    ),
    "m": "039C 03FA 041C 13B7 15F0 16D6 2C98 A4DF 102B0 10311",
    "n": "039D 0578 057C 2C9A A4E0 10513",
    "o": (
        "03BF 03C3 043E 0585 06F5 0966 09E6 0A66 0AE6 0B20 0B66 0BE6 0C02 0C66 0C82 0CE6 0D02 0D20 0D66 0D82 0E50 "
        "0ED0 101D 1040 10FF 12D0 1D0F 1D11 2C9F 2D54 3007 A4F3 AB3D 10292 102AB 1042C 104EA 10516 114D0 118B5 "
        "118C8 118D7 118E0"
    ),
    "p": "03C1 0440 13E2 146D 2374 2CA3 A4D1 10295",
    "q": "051B 0563 0566 2D55",
    "r": "01A6 0433 13A1 13D2 1587 1D26 2C85 A4E3 AB47 AB48 AB81 104B4 16F35 1D216",
    "s": "01BD 0455 054F 13D5 13DA A4E2 A731 10296 10448 118C1 16F3A",
    "t": "03A4 0422 13A2 22A4 27D9 2CA6 A4D4 10297 102B1 10315 118BC 16F0A 1F768",
    "u": "028B 03C5 057D 1200 144C 1D1C 222A 22C3 A4F4 A79F AB4E AB52 104F6 118D8 16F42",
    "v": "03BD 0475 06F7 13D9 142F 1D20 2228 22C1 2D38 A4E6 A6DF 1051D 11706 118C0 16F08 1D20D",
    "w": "026F 0461 051D 0561 13B3 13D4 1D21 A4EA 1170A 1170E 1170F 118E6 118EF",
    "x": (
        "00D7 03A7 0445 1541 157D 166D 166E 16B7 2573 292B 292C 2A2F 2CAC 2D5D A4EB A7B3 10290 102B4 10317 10322 "
        "10527 118EC"
    ),
    "y": "0263 028F 03A5 03B3 0443 04AF 10E7 13A9 13BD 1D8C 1EFF 2CA8 A4EC AB5A 102B2 118A4 118DC 16F43",
    "z": "0396 13C3 1D22 A4DC 102F5 118A9 118C4 118E5",
}
"""Code points that look like a letter or a digit and do not decompose into it, by what they look like; for a capital
letter that has one in small, the small one. From confusables.txt of UTS #39, Unicode 15, taken both ways."""
_BY_POINT = {int(point, 16): letter for letter, points in _ALIKE.items() for point in points.split()}
_AMONG_LATIN = {"1": "l", "i": "l", "|": "l", "0": "o", "m": "rn", "w": "vv"}
"""Latin letters and digits that look alike in some font, as there; i because a heading's case does not count."""


def skeleton(text: str) -> str:
    """Return what is left of a text if letters that look alike are one: without case, accents, marks and spaces.

    Two headings with one skeleton cannot be told apart by a reader; its letters mean nothing by themselves.
    """
    seen = (c for c in unicodedata.normalize("NFKD", text) if not (is_invisible(c) or unicodedata.combining(c)))
    letters = "".join(_letter(character) for character in seen)
    return "".join(_AMONG_LATIN.get(c, c) for c in letters if c.isalnum() or c in _AMONG_LATIN)


def _letter(character: str) -> str:
    folded = character.casefold()
    return _BY_POINT.get(ord(character)) or (_BY_POINT.get(ord(folded)) if len(folded) == 1 else None) or folded
