"""base64, UUIDs, hashes, differences and the calculator's other operations: values in, values out."""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmspell_kernel.config import Config
from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.tool_errors import error_of

TOOLS = Tools.standard(settings=Config({}))


def call(name: str, /, **parameters: Any) -> Any:
    return TOOLS.call(name, parameters)["result"]


def refused(name: str, /, **parameters: Any) -> ToolError:
    return error_of(lambda: TOOLS.call(name, parameters))


# base64 --------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["standard", "url-safe", "standard-no-pad", "url-safe-no-pad"]))
def test_any_bytes_there_and_back(raw: bytes, variant: str) -> None:
    encoded = call("base64_encoder", operation="encode", input=raw.hex(), binary_input=True, variant=variant)
    expected = base64.urlsafe_b64encode(raw) if variant.startswith("url") else base64.b64encode(raw)
    assert encoded["output"] == expected.decode().rstrip("=" if variant.endswith("pad") else "")
    back = call("base64_encoder", operation="decode", input=encoded["output"], variant=variant, binary_output=True)
    assert (back["output"], back["bytes"]) == (raw.hex(), len(raw))
    text = call("base64_encoder", operation="decode", input=encoded["output"], variant=variant)
    assert text["output"].encode("utf-8", "surrogateescape") == raw


@settings(deadline=None)
@given(st.text(max_size=30))
def test_what_is_no_base64_is_refused_and_all_else_is_read_as_python_reads_it(text: str) -> None:
    try:
        given = call("base64_encoder", operation="decode", input=text, binary_output=True)["output"]
    except ToolError as error:
        assert error.code == "invalid_parameters"
        return
    digits = "".join(text.split()).rstrip("=")
    assert bytes.fromhex(given) == base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)


@pytest.mark.parametrize(
    ("text", "variant", "words"),
    [
        ("-_8=", "standard", "variant url-safe"), ("+/8=", "url-safe", "variant standard"), ("AAAA*", "standard", "'*' at"),
        ("AAAAA", "standard", "some are missing"), ("AA=A", "standard", "not base64"), ("AAA====", "standard", "not base64"),
        ("=", "standard", ""), ("ä", "standard", "not base64"),
    ],
)  # fmt: skip
def test_base64_says_what_is_wrong(text: str, variant: str, words: str) -> None:
    if text == "=":
        assert call("base64_encoder", operation="decode", input=text)["bytes"] == 0
        return
    assert words in str(refused("base64_encoder", operation="decode", input=text, variant=variant))


def test_base64_of_files(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(bytes(range(256)))
    call("base64_encoder", operation="encode", input_file=str(tmp_path / "raw"), output_file=str(tmp_path / "text"))
    call("base64_encoder", operation="decode", input_file=str(tmp_path / "text"), output_file=str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == bytes(range(256))
    for both in ({}, {"input": "x", "input_file": str(tmp_path / "raw")}):
        assert refused("base64_encoder", operation="encode", **both).code == "invalid_parameters"
    assert refused("base64_encoder", operation="encode", input_file="/etc/passwd").code == "not_allowed"
    assert refused("base64_encoder", operation="encode", input="x", output_file="/etc/new").code == "not_allowed"
    assert "hexadecimal" in str(refused("base64_encoder", operation="encode", input="xyz", binary_input=True))


def test_a_safe_tool_touches_no_file_where_only_safe_ones_may_be_called(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    safe = Tools.standard(Policy((str(tmp_path),), level="safe"), Config({}))
    file = str(tmp_path / "file")
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("base64-encoder", {"operation": "decode", "input": "eHg=", "output_file": file}),
        ("base64-encoder", {"operation": "encode", "input_file": file}),
        ("diff-calculator", {"old_file": file, "new_text": "y"}),
    ]
    for name, parameters in attempts:
        with pytest.raises(ToolError, match="with files is a restricted tool") as raised:
            safe.call(name, parameters)
        assert raised.value.code == "not_allowed"
    assert (tmp_path / "file").read_text() == "x"
    assert safe.call("base64-encoder", {"operation": "encode", "input": "x"})["text"] == "eA=="


# UUIDs ---------------------------------------------------------------------------------------------


def test_uuids_of_each_version() -> None:
    for version in ("v1", "v3", "v4", "v5"):
        made = call("uuid_generator", version=version, name="example.org")
        assert uuid.UUID(made["uuid"]).version == int(version[1]) == made["version"]
    assert call("uuid_generator", version="v5", name="x", namespace="url")["uuid"] == str(
        uuid.uuid5(uuid.NAMESPACE_URL, "x")
    )
    own = str(uuid.uuid4())
    expected = str(uuid.uuid5(uuid.UUID(own), "ä"))
    assert call("uuid_generator", operation="deterministic", namespace=own, name="ä")["uuid"] == expected
    assert len(set(call("uuid_generator", count=1000)["uuids"])) == 1000


@pytest.mark.parametrize(
    ("format", "pattern"),
    [
        ("standard", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), ("simple", r"[0-9a-f]{32}"),
        ("urn", r"urn:uuid:[0-9a-f]{8}-.*"), ("braced", r"\{[0-9a-f]{8}-.*\}"),
    ],
)  # fmt: skip
def test_forms_of_uuids(format: str, pattern: str) -> None:
    made = call("uuid_generator", format=format)["uuid"]
    assert re.fullmatch(pattern, made)
    told = call("uuid_generator", operation="validate", uuid=made)
    assert (told["valid"], told["version"], told["format"], told["variant"]) == (True, 4, format, "RFC 9562")


def test_identifiers_made_of_uuids() -> None:
    made = call("uuid_generator", operation="component_id", prefix="agent")
    assert made["id"] == f"agent_{made['uuid']}"
    assert re.fullmatch(r"agent_[0-9a-f]{8}", call("uuid_generator", operation="component_id", prefix="agent", short=True)["id"])  # fmt: skip
    custom = call("uuid_generator", operation="custom", prefix="a", suffix="z", timestamp=True, short=True)["id"]
    assert re.fullmatch(r"a-\d{8}T\d{6}Z-[0-9a-f]{8}-z", custom)
    for wrong in (
        {"operation": "component_id"}, {"operation": "deterministic"}, {"version": "v3"}, {"count": 0},
        {"operation": "validate"}, {"version": "v5", "name": "x", "namespace": "nowhere"},
    ):  # fmt: skip
        assert refused("uuid_generator", **wrong).code == "invalid_parameters"


@settings(deadline=None)
@given(st.text(max_size=40))
def test_whatever_is_looked_at(text: str) -> None:
    told = call("uuid_generator", operation="validate", uuid=text)
    assert told["valid"] is (re.fullmatch(r"(?i)(urn:uuid:)?[0-9a-f-]{32,36}|\{[0-9a-f-]{36}\}", text) is not None)


# Hashes --------------------------------------------------------------------------------------------


def test_hashes_as_the_original_takes_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc" * 1_000_000)
    digest = hashlib.sha512(b"abc" * 1_000_000)
    common = {"algorithm": "sha512", "input_type": "file"}
    for way in ({"file": str(tmp_path / "file")}, {"input": str(tmp_path / "file")}):
        assert call("hash_calculator", **common, **way)["hash"] == digest.hexdigest()
    expected = base64.b64encode(digest.digest()).decode()
    told = call(
        "hash_calculator", operation="verify", file=str(tmp_path / "file"), **common,
        expected_hash=expected, expected_format="base64",
    )  # fmt: skip
    assert told == {"valid": True, "hash": digest.hexdigest(), "algorithm": "sha512"}
    assert "hexadecimal" in str(refused("hash_calculator", operation="verify", input="x", expected_hash=expected))
    assert refused("hash_calculator", file="/etc/passwd").code == "not_allowed"
    assert "no such file" in str(refused("hash_calculator", file=str(tmp_path / "missing")))
    assert "either" in str(refused("hash_calculator", input_type="string", file=str(tmp_path / "file")))


# Calculator ----------------------------------------------------------------------------------------


def test_an_expression_is_checked_without_its_values() -> None:
    told = call("calculator", operation="validate", expression="max(a, pi) + b / 0")
    assert told == {"valid": True, "variables": ["a", "b"], "functions": ["max"]}
    for wrong in ("1 +", "f(1)", "a.b", "[1]", "lambda: 1", "max(a, b=1)", "'text'", "\0", "(" * 5000):
        told = call("calculator", operation="validate", input=wrong)
        assert told["valid"] is False and told["error"]


def test_what_may_stand_in_an_expression() -> None:
    told = call("calculator", operation="functions")
    for name in told["functions"]:
        assert "unknown function" not in str(call("calculator", operation="validate", input=f"{name}(1)"))
    assert "pi" in told["constants"] and "^" in told["operators"]
    assert refused("calculator").code == "invalid_parameters"


@settings(deadline=None)
@given(st.text(alphabet="0123456789+-*/^()., abcmaxsqrtpi<>=!andornotifelse", max_size=25))
def test_what_is_valid_can_be_evaluated_or_has_no_value(text: str) -> None:
    if not text.strip():
        return
    told = call("calculator", operation="validate", input=text)
    try:
        call("calculator", input=text, variables=dict.fromkeys(told.get("variables", ()), 1))
    except ToolError as error:
        assert not told["valid"] or ("is not arithmetic" not in str(error) and "unknown name" not in str(error))
    else:
        assert told["valid"]


# Differences ---------------------------------------------------------------------------------------

LINES = st.lists(st.sampled_from(["one", "two", "three", "", " four"]), max_size=8)


@settings(deadline=None)
@given(LINES, LINES, st.booleans(), st.booleans())
def test_text_differences_are_those_of_diff(old: list[str], new: list[str], first: bool, last: bool) -> None:
    before, after = "\n".join(old) + "\n" * first, "\n".join(new) + "\n" * last
    for format, make in (("unified", difflib.unified_diff), ("context", difflib.context_diff)):
        told = call("diff_calculator", old_text=before, new_text=after, format=format)
        lines = list(make(before.splitlines(True), after.splitlines(True), "old", "new"))
        expected = "".join(one if one.endswith("\n") else one + "\n\\ No newline at end of file\n" for one in lines)
        assert told["diff"] == expected
        assert told["identical"] is (before == after)


@pytest.mark.skipif(shutil.which("patch") is None, reason="there is no patch here")
@settings(deadline=None, max_examples=20)
@given(LINES, LINES, st.booleans(), st.booleans())
def test_patch_makes_the_new_text_of_the_old(old: list[str], new: list[str], first: bool, last: bool) -> None:
    before, after = "\n".join(old) + "\n" * first, "\n".join(new) + "\n" * last
    told = call("diff_calculator", old_text=before, new_text=after)
    if told["identical"]:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_text(before)
        subprocess.run(["patch", "-s", str(path)], input=told["diff"].encode(), check=True, timeout=20)
        assert (path.read_text() if path.exists() else "") == after


def test_differences_people_read() -> None:
    old, new = "a = 1\nb = 2\nc = 3\n", "a = 1\nb = 20\nc = 3\nd = 4\n"
    inline = call("diff_calculator", old_text=old, new_text=new, format="inline")
    assert inline["diff"] == "a = 1\nb = [-2-]{+20+}\nc = 3\n{+d = 4+}\n"
    simple = call("diff_calculator", old_text=old, new_text=new, format="simple")
    assert simple["diff"] == "-2: b = 2\n+2: b = 20\n+4: d = 4\n"
    assert (simple["added"], simple["removed"], simple["similarity"]) == (2, 1, 0.5714)
    same = {"old_text": "A  b\n", "new_text": "a b\n", "ignore_whitespace": True, "ignore_case": True}
    assert call("diff_calculator", **same)["identical"] is True
    assert call("diff_calculator", **{**same, "ignore_case": False})["identical"] is False


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON, JSON)
def test_the_patch_makes_the_new_value_of_the_old(old: Any, new: Any) -> None:
    told = call("diff_calculator", type="json", old_text=json.dumps(old), new_text=json.dumps(new))
    made = jsonpatch.apply_patch(old, told["patch"]) if told["patch"] else old
    assert json.dumps(made, sort_keys=True) == json.dumps(new, sort_keys=True)
    assert told["identical"] is (json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True))


def test_where_the_two_come_from(tmp_path: Path) -> None:
    (tmp_path / "old").write_text('{"a": 1}')
    told = call("diff_calculator", type="json", old_file=str(tmp_path / "old"), new_json={"a": [1]})
    assert told["patch"] == [{"op": "replace", "path": "/a", "value": [1]}]
    assert call("diff_calculator", type="json", old_json='{"a": 1}', new_json={"a": 1})["identical"] is True
    assert "not JSON" in str(refused("diff_calculator", type="json", old_text="{", new_text="{}"))
    assert "either" in str(refused("diff_calculator", old_text="x"))
    assert refused("diff_calculator", old_file="/etc/passwd", new_text="").code == "not_allowed"
    small = Tools.standard(Policy((str(tmp_path),), max_file_bytes=3), Config({}))
    with pytest.raises(ToolError, match="max_file_mb"):
        small.call("diff_calculator", {"old_file": str(tmp_path / "old"), "new_text": ""})


# Why the machine is busy ---------------------------------------------------------------------------


def test_how_busy_the_machine_is() -> None:
    told = call("system_monitor", sample_ms=10)
    assert set(told) == {"stats", "cpu", "memory", "disk", "network", "process"}
    assert 0 < told["memory"]["available"] <= told["memory"]["total"]
    assert 0 <= told["cpu"]["percent"] <= 100 and len(told["cpu"]["per_cpu"]) == told["cpu"]["logical"]
    assert told["disk"]["total"] > 0 and told["stats"]["uptime_seconds"] > 0
    assert refused("system_monitor", operation="disk", path="/").code == "not_allowed"
