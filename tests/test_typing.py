"""What others' type checkers see of the package."""

from __future__ import annotations

import ast
from importlib.resources import files

import tagseal
from source import ROOT
from tagseal import verification


def test_the_package_says_that_it_is_typed() -> None:
    """PEP 561: without the marker, a type checker takes everything for Any."""
    assert files("tagseal").joinpath("py.typed").is_file()


def test_every_public_name_is_used_as_others_use_it() -> None:
    """What ``nox -s lint`` lets two type checkers read leaves no public name out."""
    tree = ast.parse(ROOT.joinpath("tests", "typing", "api.py").read_text(encoding="utf-8"))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert {*tagseal.__all__, *verification.__all__} - used == set()
