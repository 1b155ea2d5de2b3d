"""The oracle: what a tree of pictures must look like after any fault, told from what is on disk and what was reported.

    missing     a source path holds nothing any more, nor does that of the conversion that was to take its place
    damaged     it holds neither its old bytes nor a whole new image of the same picture and size
    changed     it holds other bytes although nothing was to replace it, or although the report says so
    attributes  its mode, owner or modification time are not those of the original
    temp        a temporary file of ours is left
    result      a file in the output tree is not a whole image of its source
    stray       a file that nobody asked for
    backup      a file in the backup area does not hold the exact bytes of an original
    report      a file is reported not at all, twice, or in words not meant for users

Nothing here knows how the program writes files; only the names of its temps and of its own folders.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.faults.judge import Judge

OWN = ".imgopt-"
"""How the names of the program's own files and folders beside pictures begin."""
TEMP = re.compile(r"\.imgopt-.*\.tmp")
BACKUPS = ".imgopt-backups"
BAD_WORDS = re.compile(r"Traceback|unexpected error|please report|  File \"|[a-z]Error: ")
"""Marks of an exception that nobody foresaw, in a text for users."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that is not as it must be."""

    clause: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.clause}: {self.path!r}: {self.what}"


@dataclass(frozen=True, slots=True)
class Before:
    """A source file as it was."""

    digest: str
    mode: int
    uid: int
    gid: int
    mtime_ns: int


def digest(path: str) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def regular_files(root: str) -> Iterator[str]:
    """Paths of all regular files below a folder; no link is followed."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield path


class Tree:
    """A tree of sources before a fault. Keeps a copy of every file in ``store`` to compare with."""

    def __init__(self, root: Path, store: Path, judge: Judge, *, apart: Path | None = None) -> None:
        """``apart`` is a folder inside ``root`` that is not part of the sources (an output folder)."""
        self.root = os.fspath(root)
        self._apart = os.fspath(apart) if apart is not None else ""
        self._store = store
        self._judge = judge
        self._verdicts: dict[tuple[str, str, bool, bool], str] = {}
        store.mkdir(parents=True, exist_ok=True)
        self.before: dict[str, Before] = {}
        self._originals: set[str] = set()
        for path in regular_files(self.root):
            if not self._own(path):
                self._remember(path)
        self.another_run()

    def another_run(self) -> None:
        """A run begins: whatever lies in the tree now may be one of its originals, and so a backup."""
        self._originals.update(digest(path) for path in regular_files(self.root) if not self._own(path))

    def _own(self, path: str) -> bool:
        relative = os.path.relpath(path, self.root)
        inside = self._apart and os.path.commonpath((path, self._apart)) == self._apart
        return bool(inside) or any(part.startswith(OWN) for part in relative.split(os.sep))

    def _remember(self, path: str) -> None:
        status = os.lstat(path)
        content = digest(path)
        self.before[path] = Before(
            content, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns
        )
        if not (copy := self._store / content).exists():
            shutil.copyfile(path, copy)

    def set_mode(self, path: Path, mode: int) -> None:
        """A source's mode was changed on purpose, and is to stay so."""
        self.before[os.fspath(path)] = replace(self.before[os.fspath(path)], mode=mode)

    def now(self) -> list[tuple[str, str]]:
        """Each source path and the digest of what it holds; empty for nothing."""
        return [(path, digest(path) if os.path.isfile(path) else "") for path in self.before]

    # ── what is on disk ──────────────────────────────────────────────────────────────────────────────────────────

    def losses(
        self,
        *,
        replaced: bool,
        over: bool,
        also: Iterable[str] = (),
        folders: Iterable[str] = (),
        instead: Mapping[str, str] | None = None,
    ) -> list[Loss]:
        """Everything wrong with the sources and in their tree. ``replaced``: they may have been replaced by results.
        ``over``: the run that followed is over, so that no temp may be left. ``also``: further files that may be there;
        ``folders``: where else only those may be. ``instead``: source → the conversion that may stand in its place."""
        found: list[Loss] = []
        for path, before in self.before.items():
            found.extend(self._source(path, before, replaced=replaced, instead=(instead or {}).get(path, "")))
        allowed = {*self.before, *also}
        for path in (path for root in (self.root, *folders) for path in regular_files(root)):
            if path in allowed:
                continue
            if any(part.startswith(OWN) for part in path.split(os.sep)):
                found.extend(self._own_file(path, over=over))
            else:
                found.append(Loss("stray", path, "nobody asked for this file"))
        return found

    def _source(self, path: str, before: Before, *, replaced: bool, instead: str = "") -> Iterator[Loss]:
        if instead and not os.path.lexists(path):
            path = instead
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            yield Loss("missing", path, "the path holds nothing any more")
            return
        if not stat.S_ISREG(status.st_mode):
            yield Loss("missing", path, "the path holds something that is no file")
            return
        now = digest(path)
        if now != before.digest:
            if not replaced:
                yield Loss("changed", path, "nothing was to replace it")
            elif wrong := self.wrong(before.digest, path, now):
                yield Loss("damaged", path, wrong)
        for name, was, is_now in (
            ("mode", before.mode & 0o777, stat.S_IMODE(status.st_mode) & 0o777),
            ("owner", (before.uid, before.gid), (status.st_uid, status.st_gid)),
            ("mtime", before.mtime_ns, status.st_mtime_ns),
        ):
            if was != is_now:
                yield Loss("attributes", path, f"{name} {is_now} instead of {was}")

    def _own_file(self, path: str, *, over: bool) -> Iterator[Loss]:
        name = os.path.basename(path)
        if TEMP.fullmatch(name):
            if over:
                yield Loss("temp", path, "left behind")
            return
        kept = BACKUPS in path.split(os.sep) and os.path.splitext(name)[1].lower() in _PICTURES
        if kept and digest(path) not in self._originals:
            yield Loss("backup", path, "not the bytes of any original")

    def wrong(self, source: str, path: str, content: str, *, scaled: bool = False, flat: bool = False) -> str:
        """What is wrong with the file at ``path`` with the digest ``content`` as a form of the original with the digest
        ``source``; each pair is looked at once."""
        key = (source, content, scaled, flat)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge.wrong(str(self._store / source), path, scaled=scaled, flat=flat)
        return self._verdicts[key]

    # ── results elsewhere ────────────────────────────────────────────────────────────────────────────────────────

    def bad_results(self, sources: Mapping[str, str], *, flat: bool = False) -> list[Loss]:
        """What is wrong with results beside or apart from their sources. ``sources``: path of each planned result or
        sibling → path of its source; those that are not there are not there yet. A sibling's name may end in a
        width."""
        found: list[Loss] = []
        for path, source in sources.items():
            if not os.path.lexists(path):
                continue
            scaled = re.search(r"-\d+\.[a-z]+$", path) is not None
            before, now = self.before[source].digest, digest(path)
            if now != before and (wrong := self.wrong(before, path, now, scaled=scaled, flat=flat)):
                found.append(Loss("result", path, wrong))
        return found

    # ── what was reported ────────────────────────────────────────────────────────────────────────────────────────

    def unreported(self, results: Iterable[Mapping[str, Any]], *, expected: Iterable[str] | None = None) -> list[Loss]:
        """What is wrong with the report of a run over the tree; ``expected``: the paths it must name, None: all."""
        results = list(results)
        times = Counter(str(result["original_path"]) for result in results)
        wanted = set(self.before if expected is None else expected)
        found = [Loss("report", path, f"named {count} times") for path, count in times.items() if count > 1]
        found += [Loss("report", path, "not named") for path in sorted(wanted - set(times))]
        found += [Loss("report", path, "named, and not there before") for path in sorted(set(times) - wanted)]
        for result in results:
            path, text = str(result["original_path"]), f"{result['reason']} {result['error'] or ''}"
            if BAD_WORDS.search(text):
                found.append(Loss("report", path, f"not a sentence for users: {text:.200}"))
            if result["status"] not in ("done", "kept", "skipped", "failed"):
                found.append(Loss("report", path, f"no end of an image: {result['status']!r}"))
        return found

    def untold(self, results: Iterable[Mapping[str, Any]]) -> list[Loss]:
        """Sources that hold new bytes although this very run reports that it left them alone, and the reverse: nothing
        new where the report says so."""
        found = []
        for result in results:
            path = str(result["original_path"])
            before = self.before.get(path)
            if before is None or not os.path.isfile(path):
                continue
            changed = digest(path) != before.digest
            reason = str(result["reason"])
            if changed and result["status"] in ("failed", "skipped") and "sync" not in reason:
                found.append(Loss("changed", path, f"reported as {result['status']}: {reason}"))
            if not changed and result["status"] == "done" and result["optimized_path"] == path:
                found.append(Loss("report", path, "reported as done, and nothing is new"))
        return found


_PICTURES = frozenset((".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff", ".avif"))


def bad_words(text: str) -> list[Loss]:
    """Marks of an unforeseen exception in what a run said."""
    return [Loss("report", "", f"said: {line:.200}") for line in text.splitlines() if BAD_WORDS.search(line)]
