"""Promises of what is printed for programs: it holds to the schema that is shipped, whatever files are called."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import machine
from engine.journal_file import JournalFile
from engine.places import journal_file
from tests.test_cli import call

jsonschema = pytest.importorskip("jsonschema")
NAMES = [
    *(
        b"\xff\xfe.jpg",
        b"esc\x1b[31m.jpg",
        b"line\nbreak.jpg",
        "rtl\u202egpj.jpg".encode(),
        b'quote".jpg',
        b"a,b;c.jpg",
    ),
    *(b" lead.jpg", b"trail .jpg", b"-q.jpg", b"=1+1.jpg", b"\xc3\x28.png", "e\u0301\u00e9.png".encode(), b"%s{}.png"),
]


def holds(value: object, shape: str) -> None:
    """Whether a value is of one of the shapes that are shipped."""
    schema = {**json.loads(machine.schema_text()), "$ref": f"#/$defs/{shape}"}
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)


def sound(data: bytes) -> Any:
    """JSON that every parser takes: no half of a surrogate pair."""
    value = json.loads(data)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, samples: Path) -> Path:
    """Every kind of end, every kind of name."""
    root = tmp_path_factory.mktemp("tree")
    for place, name in enumerate(NAMES * 2):
        folder = os.fsencode(root / str(place // len(NAMES)))
        os.makedirs(folder, exist_ok=True)
        kind = "small" if place // len(NAMES) else "tight" if name.endswith(b"jpg") else "photo"
        source = samples / f"{kind}{os.path.splitext(name)[1].decode()}"
        shutil.copy(os.fsencode(source), os.path.join(folder, name))
    (root / "bad\x07.jpg").write_bytes(b"nothing")
    os.symlink(b"x\xff", os.fsencode(root) + b"/link\xff.png")
    return root


def test_a_run_and_all_that_is_said_of_it_later_hold_to_the_schema(tree: Path, tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(machine.schema_text()))
    table, told = tmp_path / "t.csv", tmp_path / "told.json"
    files = len(NAMES) * 2 + 2
    more: list[str | Path] = ["--also", "webp", "--csv", table, "--on-finish", f"cat > {told}", "-o", tmp_path / "out"]
    run = call("run", tree, "--json", "--effort", "fast", *more)
    value = sound(run.stdout)
    holds(value, "run")
    assert (run.returncode, len(value["results"])) == (1, files)
    ends = Counter(result["status"] for result in value["results"])
    assert (ends["failed"], ends["skipped"]) == (1, 1)
    assert ends["kept"] > 0 < ends["done"]

    handed = sound(told.read_bytes())
    holds(handed, "finished")
    assert (handed["summary"], handed["exitCode"]) == (value["summary"], 1)
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"), newline="")))
    exact = {base64.b64decode(row["original_path_b64"]) or row["original_path"].encode() for row in rows}
    for result in value["results"]:
        path = base64.b64decode(result.get("original_path_b64", "")) or result["original_path"].encode()
        assert os.path.lexists(path)
        assert path in exact
    for command, shape in (("runs", "runs"), ("status", "pastRun"), ("report", "report")):
        holds(sound(call(command, "--json").stdout), shape)


def test_lines_in_place_undo_and_backups_hold_to_the_schema(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "in"
    shutil.copytree(tree, root, symlinks=True)
    lines = [
        sound(line) for line in call("run", root, "--in-place", "--effort", "fast", "--ndjson").stdout.splitlines()
    ]
    for line in lines:
        holds(line, "line")
    assert len(lines) == len(NAMES) * 2 + 3
    held = sound(call("backups", root, "--json").stdout)
    holds(held, "backups")
    assert held["backups"][0]["images"] > 0
    undone = sound(call("undo", "last", "--json").stdout)
    holds(undone, "undo")
    assert undone["summary"]["back"] == held["backups"][0]["images"]
    file = JournalFile(journal_file())
    for _ in range(2):
        file.blame(bytes(16), 5, b"/a/\xff.jpg", "crashed", "0123")
    file.close()
    (aside,) = sound(call("quarantine", "--json").stdout)
    holds([aside], "quarantine")
    assert (aside["path"], base64.b64decode(aside["path_b64"])) == ("/a/\ufffd.jpg", b"/a/\xff.jpg")
    assert sound(call("schema").stdout)["$defs"].keys() >= {"run", "line", "report"}


def test_what_is_said_before_a_run_holds_to_the_schema(tree: Path) -> None:
    holds(sound(call("estimate", tree, "--effort", "fast", "--json").stdout), "estimate")
    planned = sound(call("run", tree, "--dry-run", "--effort", "fast", "--json").stdout)
    holds(planned, "dryRun")
    assert len(planned["results"]) == len(NAMES) * 2 + 2


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_value_becomes_sound_json_and_text_stays_as_it_is(value: object) -> None:
    found = sound(machine.dumps({"value": value}).encode())
    assert (found["value"], found["schema"]) == (value, machine.SCHEMA)


@given(st.binary(max_size=20))
def test_any_name_comes_back_byte_for_byte(name: bytes) -> None:
    text = os.fsdecode(name)
    found = sound(machine.dumps({"path": text, "paths": ["a", text]}).encode())
    assert (base64.b64decode(found["path_b64"]) if "path_b64" in found else found["path"].encode()) == name
    several = found.get("paths_b64")
    assert (base64.b64decode(several[1]) if several else found["paths"][1].encode()) == name
