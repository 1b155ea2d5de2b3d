"""``imgopt-tui config edit``: a copy goes to the editor, and takes the file's place once nothing is wrong with it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from engine.config import PROJECT_FILE, example
from engine.config_write import write_text
from engine.effective import file_at, problems_of
from engine.errors import ConfigError, Problem
from tui.run_output import tell
from tui.text import escape

__all__ = ["edit"]

EXIT_FAILED = 1
EXIT_USAGE = 2


def edit(path: Path, again: Callable[[], bool] | None = None) -> int:
    """Edit a settings file, or the commented example where there is none; returns the exit code. ``again`` is asked
    after mistakes whether to go back into the editor; None: the user, where there is a terminal."""
    editor = _editor()
    try:
        before = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}; nothing was changed") from None
    folder = Path(tempfile.mkdtemp(prefix="imgopt-config-"))
    draft = folder / path.name
    draft.write_bytes(example(project=path.name == PROJECT_FILE).encode() if before is None else before)
    kept = _Draft(path, draft, draft.read_bytes(), before)
    try:
        return kept.edited(editor, again or _ask)
    finally:
        if not kept.wanted:
            shutil.rmtree(folder, ignore_errors=True)


class _Draft:
    """What is in the editor."""

    def __init__(self, path: Path, draft: Path, text: bytes, before: bytes | None) -> None:
        self._path, self._draft, self._text, self._before = path, draft, text, before
        self.wanted = False
        """Whether it is to stay, because it holds work that did not get into the file."""

    def edited(self, editor: list[str], again: Callable[[], bool]) -> int:
        """Until it is good or given up."""
        while True:
            if code := _call(editor, self._draft):
                _say(f"the editor ended with {code}, so {self._path} stays as it is")
                return EXIT_FAILED
            text = self._draft.read_bytes() if self._draft.exists() else b""
            if text == self._text:
                _say(f"nothing was changed{'' if self._before is not None else ', and no file was written'}")
                return 0
            if not self._is_wrong():
                return self._take(text)
            if not again():
                return self._give_up(EXIT_USAGE, f"{self._path} stays as it is")

    def _is_wrong(self) -> bool:
        """Whether something is; it is said then."""
        problems = problems_of(file_at(self._path, self._draft))
        for problem in problems:
            _say(": ".join(filter(None, (problem.key, problem.message))))
        return bool(problems)

    def _take(self, text: bytes) -> int:
        now = self._path.read_bytes() if self._path.exists() else None
        if now != self._before:
            return self._give_up(EXIT_FAILED, f"{self._path} was changed by somebody else meanwhile and stays so")
        try:
            write_text(self._path, text.decode("utf-8"))
        except OSError as error:
            return self._give_up(EXIT_FAILED, f"{self._path} cannot be written: {error.strerror}; it stays as it is")
        _say(f"{self._path} is saved")
        return 0

    def _give_up(self, code: int, sentence: str) -> int:
        self.wanted = True
        _say(f"{sentence}; what was edited is in {self._draft}")
        return code


def _say(sentence: str) -> None:
    tell(escape(sentence))


def _editor() -> list[str]:
    """The user's; raises ConfigError when there is none."""
    for name in ("VISUAL", "EDITOR"):
        if words := os.environ.get(name, "").strip():
            try:
                return shlex.split(words)
            except ValueError:
                return [words]
    for word in ("vi", "nano"):
        if shutil.which(word):
            return [word]
    raise ConfigError((Problem("environment", "EDITOR", "is not set, and there is no vi; set it to an editor"),))


def _call(editor: list[str], draft: Path) -> int:
    """The editor's exit code; raises ConfigError when it cannot be started."""
    try:
        return subprocess.run([*editor, str(draft)], check=False).returncode
    except OSError as error:
        message = f"the editor {editor[0]!r} cannot be started: {error.strerror}; set it to another one"
        raise ConfigError((Problem("environment", "EDITOR", message),)) from None


def _ask() -> bool:
    """Whether to go back; without a terminal nobody can say so."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print("imgopt-tui: edit it again? [Y/n] ", end="", file=sys.stderr, flush=True)
    return not sys.stdin.readline().strip().lower().startswith("n")


def _wrong(path: Path, message: str) -> ConfigError:
    return ConfigError((Problem(str(path), "", message),))
