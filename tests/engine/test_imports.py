"""Promises of what is loaded where, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

ENGINE = sorted(path.stem for path in (ROOT / "engine").glob("*.py") if path.stem != "__init__")


def loaded(code: str) -> set[str]:
    """Top-level packages that are loaded after ``code``."""
    show = "import sys; print('\\n'.join(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stderr.split())


def test_the_whole_engine_loads_neither_screen_library_nor_our_screen() -> None:
    code = "\n".join(f"import engine.{name}" for name in ENGINE)
    assert not loaded(code) & {"textual", "rich", "tui"}


def test_importing_the_engine_costs_nothing() -> None:
    assert not loaded("import engine") & {"asyncio", "psutil", "pyvips", "json"}


@pytest.mark.parametrize(
    "module",
    [
        "engine.run",
        "engine.tuner",
        "engine.runner",
        "engine.server",
        "engine.remote",
        "engine.contract",
        "tui.app",
        "tui.cli",
        "tui.watch_command",
    ],
)
def test_parents_never_load_pixels(module: str) -> None:
    assert not {"pyvips", "numpy"} & loaded(f"import {module}")


def test_a_worker_loads_numpy_only_when_it_scores() -> None:
    assert "numpy" not in loaded("import engine.worker")
    assert "pyvips" not in loaded("import engine.similarity")


def ours(code: str) -> set[str]:
    """Our own modules that are loaded after ``code``, and those of others that take long."""
    slow = {"argparse", "asyncio", "hashlib", "pyvips", "psutil", "sqlite3", "ssl", "textual"}
    show = "import sys; print(*sys.modules, file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = run.stderr.split()
    return {name for name in names if name in slow or name.partition(".")[0] in ("engine", "tui")}


def test_the_version_is_printed_before_anything_is_loaded() -> None:
    assert ours("from tui.__main__ import main\nmain(['--version'])") == {"engine", "tui", "tui.__main__"}


SETTINGS = {
    *("conflicts", "efforts", "errors", "floor", "formats", "layers", "nearest", "policy", "priority", "run_settings"),
    *("scan_settings", "schema", "settings", "since", "states", "stock_presets", "watch_settings"),
}
"""What the options of settings are made of."""


def test_a_command_line_is_read_with_no_more_than_settings() -> None:
    known = {"argparse", "engine", "tui", "tui.__main__", "tui.grammar", "tui.options", "tui.setting_options"}
    known |= {"tui.examples", "tui.trial_options"}  # the first for --help
    known |= {f"engine.{name}" for name in SETTINGS}
    assert ours("from tui.__main__ import main\ntry: main(['run', '--help'])\nexcept SystemExit: pass") <= known


def test_scripts_are_run_without_the_screen_library(tmp_path: Path) -> None:
    code = f"from tui.__main__ import main\nmain(['run', '-Q', {str(tmp_path)!r}])"
    assert not loaded(code) & {"textual", "pyvips"}
