"""Expressions come to what GitHub's documentation says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagseal.workflow.evaluate import ExpressionError, Status, fill, holds, value
from tagseal.workflow.play.action import StepFailedError
from tagseal.workflow.play.files import read, variables

CONTEXTS: dict[str, Any] = {
    "github": {"repository": "octo/widget", "ref_name": "v1.2.3", "event": {"number": 7.0}},
    "env": {"Python": "3.11"},
    "steps": {"verbs": {"outputs": {"records": "abc"}, "outcome": "success"}},
    "needs": {"build": {"result": "success", "outputs": {}}, "seal": {"result": "failure", "outputs": {}}},
    "labels": [{"name": "bug"}, {"name": "urgent"}, {}],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("null", None),
        ("true", True),
        ("'it''s'", "it's"),
        ("711", 711.0),
        ("-9.2", -9.2),
        ("0xff", 255.0),
        ("-2.99e-2", -0.0299),
        ("github.repository", "octo/widget"),
        ("GitHub.Repository", "octo/widget"),
        ("github['repository']", "octo/widget"),
        ("github.event.number", 7.0),
        ("github.nothing.below.it", None),
        ("labels[1].name", "urgent"),
        ("labels[7]", None),
        ("labels.*.name", ["bug", "urgent"]),
        ("needs.*.result", ["success", "failure"]),
        ("contains(needs.*.result, 'failure')", True),
        ("env.python == '3.11'", True),
        ("'ABC' == 'abc'", True),
        ("null == 0", True),
        ("'' == 0", True),
        ("'7' == 7", True),
        ("'x' == 7", False),
        ("true == 1", True),
        ("nan == nan", False),
        ("github == github", True),
        ("labels[0] == 'Object'", False),
        ("1 < 2 && 2 < 3", True),
        ("'a' < 'B'", True),
        ("1 > 'x'", False),
        ("!true || !false", True),
        ("!(1 == 1)", False),
        ("!1 == 2", False),
        ("github.nothing || 'else'", "else"),
        ("github.repository && 'yes'", "yes"),
        ("false && 'yes'", False),
        ("1 == 1 && 'a' || 'b'", "a"),
        ("contains('Hello world', 'WORLD')", True),
        ("contains(fromJSON('[\"push\", \"pull_request\"]'), 'push')", True),
        ("startsWith('Hello', 'he')", True),
        ("endsWith('Hello', 'LO')", True),
        ("format('Hello {0} {1} {{x}}', 'Mona', 2)", "Hello Mona 2 {x}"),
        ("join(labels.*.name, ', ')", "bug, urgent"),
        ("join('one')", "one"),
        ("fromJSON('{\"a\": [1, 2]}').a[1]", 2.0),
        ("toJSON('x')", '"x"'),
        ("success()", True),
        ("failure()", False),
        ("always()", True),
    ],
)
def test_a_value(expression: str, expected: object) -> None:
    """Literals, contexts, operators and functions."""
    assert value(expression, CONTEXTS) == expected


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "got 'the end'"),
        ("1 +", "got '+'"),
        ("github.", "behind a dot"),
        ("github[", "expected a value"),
        ("(1", "expected `)`"),
        ("1 2", "behind the end"),
        ("'open", "got ''open'"),
        ("nothing.here", "got `nothing`, expected a context"),
        ("hashFiles('x')", "got the function hashfiles()"),
        ("contains('x')", "got contains() with 1 argument, expected 2"),
        ("always(1)", "got always() with 1 argument, expected none"),
        ("format('{1}', 'x')", "expected {0} to {0}"),
        ("format('{', 'x')", "in format()"),
        ("fromJSON('{')", "got no JSON"),
        ("(" * 60 + "1" + ")" * 60, "more than 50 levels"),
        ("!" * 60 + "1", "more than 50 levels"),
        ("github" + ".x" * 60, "more than 50 levels"),
        ("'" + "x" * 21_000 + "'", "got an expression of 21002 characters"),
    ],
)
def test_what_is_no_expression_is_said(expression: str, said: str) -> None:
    """With what was got and what was expected."""
    with pytest.raises(ExpressionError) as caught:
        value(expression, CONTEXTS)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("plain", "plain"),
        ("a ${{ github.ref_name }} b ${{ 1 == 1 }}", "a v1.2.3 b true"),
        ("${{ github.nothing }}", ""),
        ("${{ '}}' }}", "}}"),
        ("${{ 1.5 }} ${{ 100000 }} ${{ 1e20 }}", "1.5 100000 1E+20"),
        ("${{ github }} ${{ labels }}", "Object Array"),
    ],
)
def test_a_text_is_filled(written: str, expected: str) -> None:
    """Every expression in it is replaced by its value as a text."""
    assert fill(written, CONTEXTS) == expected


@pytest.mark.parametrize("written", ["${{ 1", "${{ '}}", "a ${{ } }"])
def test_an_open_brace_is_an_error(written: str) -> None:
    """What begins with braces ends with them."""
    with pytest.raises(ExpressionError, match="does not end"):
        fill(written, CONTEXTS)


@pytest.mark.parametrize(
    ("condition", "success", "failure", "cancelled"),
    [
        ("", True, False, False),
        ("always()", True, True, True),
        ("failure()", False, True, False),
        ("cancelled()", False, False, True),
        ("!cancelled()", True, True, False),
        ("github.repository == 'octo/widget'", True, False, False),
        ("${{ github.repository == 'octo/widget' }}", True, False, False),
        ("github.repository == 'else/where'", False, False, False),
        ("always() && needs.seal.result == 'failure'", True, True, True),
        ("'false'", True, False, False),
    ],
)
def test_a_condition(condition: str, success: bool, failure: bool, cancelled: bool) -> None:  # noqa: FBT001 - a table
    """Without a function of the status it holds only where all before went well."""
    states: tuple[Status, ...] = ("success", "failure", "cancelled")
    assert tuple(holds(condition, CONTEXTS, state) for state in states) == (success, failure, cancelled)


def test_half_an_expression_is_no_condition() -> None:
    """GitHub takes the filled text for true, whatever it says: a trap, not a condition."""
    with pytest.raises(ExpressionError, match="only in part"):
        holds("${{ github.ref }} == 'x'", CONTEXTS, "success")


@given(st.text(max_size=80) | st.text(alphabet="github.[]()!&|=<>'x1,* ", max_size=80))
def test_nothing_but_its_own_error_escapes(expression: str) -> None:
    """Whatever is written: a value or an error; in a text, a text."""
    with suppress(ExpressionError):
        assert isinstance(value(expression, CONTEXTS), str | bool | float | Mapping | list | None)
    with suppress(ExpressionError):
        assert isinstance(fill(expression, CONTEXTS), str)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_comes_back(said: object) -> None:
    """What toJSON writes, fromJSON reads."""
    assert value("fromJSON(toJSON(x.y))", {"x": {"y": said}}) == json.loads(json.dumps(said))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_equals_its_text(number: float) -> None:
    """A text that is a number compares as one."""
    assert math.isclose(float(fill("${{ x.n }}", {"x": {"n": number}})), number, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1\nb=x=y\n", {"a": "1", "b": "x=y"}),
        ("a=1\r\na=2\r\n", {"a": "2"}),
        ("a<<END\none\n\ntwo=2\nEND\nb=\n", {"a": "one\n\ntwo=2", "b": ""}),
        ("a=<<END\n", {"a": "<<END"}),
        ("a=x\u2028b=1\fc=2\n", {"a": "x\u2028b=1\fc=2"}),
    ],
)
def test_a_command_file(text: str, expected: dict[str, str]) -> None:
    """Lines and blocks, the last of a name counting."""
    assert read(text) == expected


@pytest.mark.parametrize("text", ["word\n", "a<<END\nopen\n", "a<<\n", "=x\n", "<<END\nx\nEND\n"])
def test_a_broken_command_file_fails_the_step(text: str) -> None:
    """As on a runner."""
    with pytest.raises(StepFailedError):
        read(text)


def test_the_runner_keeps_its_own_names() -> None:
    """A step changes no variable of the runner's for those after it."""
    assert variables("GITHUB_REF=refs/heads/x\nrunner_temp=/x\nMINE=1\n") == {"MINE": "1"}
    with pytest.raises(StepFailedError, match="NODE_OPTIONS"):
        variables("NODE_OPTIONS=--require x\n")
