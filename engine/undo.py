"""Puts back what a run replaced: the very file where it was kept by a hard link, else its copy.

For each path, newest entry first:

    is the path's file the result, by identity or content? ▸ is the backup whole? ▸ the same still? ▸ rename ▸ fsync

A file that is neither the result nor the original is never touched. A kill at any instant leaves the result or the
original at the path and the backup where it was or at the path, so the same command again finishes the work. A backup
whose original was never replaced (the run was killed in between) is only taken out of the area.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from engine.areas import Area, find_areas, forget_area, take
from engine.backup import copy_file
from engine.descriptors import sync
from engine.errors import ImageError, system_reason
from engine.folders import open_folder
from engine.ledger import Entry, file_hash
from engine.source import Identity
from engine.temps import remove_stale_temps, temp_name

__all__ = ["Undone", "Verdict", "undo"]


REMOVED = "its conversion was removed"
"""What is said of every image whose result had another name."""


class Verdict(StrEnum):
    """What became of one path."""

    BACK = "back"
    """The original is there again."""
    NOTHING = "nothing to do"
    """It is there already."""
    REFUSED = "refused"
    """Left as it is, with the reason."""


@dataclass(frozen=True, slots=True)
class Undone:
    """How it went with one path."""

    path: str
    verdict: Verdict
    reason: str = ""
    entry: Entry | None = None

    @property
    def odd(self) -> bool:
        """Whether there is something to say of it that does not hold for all."""
        return self.verdict is not Verdict.NOTHING and self.reason not in ("", REMOVED)


class _Refused(Exception):
    """Why a path is left as it is."""


def undo(area: Area, wanted: Callable[[str], bool], *, dry_run: bool = False) -> Iterator[Undone]:
    """Put back what the area holds of the paths that are ``wanted``; one answer for each, in the order of paths."""
    by_path: dict[str, list[tuple[Entry, int]]] = {}
    for entry, until in area.entries():
        if entry.backup and wanted(entry.source):
            by_path.setdefault(entry.source, []).append((entry, until))
    with _Hands(area, dry_run=dry_run) as hands:
        for path in sorted(by_path):
            yield hands.put_back(path, by_path[path][::-1])
        hands.drop_orphans()
    if not dry_run and not hands.unfinished:
        forget_area(area.folder, area.run)


class _Hands:
    """Works in one area, with the folder of the last path open. Use as a context manager."""

    def __init__(self, area: Area, *, dry_run: bool) -> None:
        self._area = area
        self._dry = dry_run
        self._fd = -1
        self._folder = -1
        self._folder_path = ""
        self._touched = False
        self.unfinished = False
        """Whether the system refused something that another undo may still do, for which the area stays."""

    def __enter__(self) -> Self:
        self._fd = take(self._area)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._leave()
            if not self._dry:
                with contextlib.suppress(OSError):
                    sync(self._fd)
        finally:
            os.close(self._fd)

    def put_back(self, path: str, entries: Sequence[tuple[Entry, int]]) -> Undone:
        """``entries``: all of the path, newest first. One that was tried twice has several."""
        answer: Undone | None = None
        for entry, until in entries:
            try:
                verdict, reason = self._put_back(entry, until)
            except _Refused as error:
                verdict, reason = Verdict.REFUSED, str(error)
            except OSError as error:
                self.unfinished = True
                verdict, reason = Verdict.REFUSED, f"cannot be put back: {system_reason(error)}"
            except ImageError as error:
                verdict, reason = Verdict.REFUSED, str(error)
            if answer is None or (verdict is Verdict.BACK and answer.verdict is not Verdict.BACK):
                answer = Undone(path, verdict, reason, entry)
        assert answer is not None
        return answer

    def drop_orphans(self) -> None:
        """Take out backups that are only another name of a file: linked right before a kill, and never needed."""
        if self._dry:
            return
        known = {os.path.basename(entry.backup) for entry, _ in self._area.entries()}
        for orphan in list(self._area.backups()):
            if orphan.name not in known and orphan.stat(follow_symlinks=False).st_nlink > 1:
                self._drop(orphan.name)

    def _put_back(self, entry: Entry, until: int) -> tuple[Verdict, str]:
        name, kept = os.path.basename(entry.source), _look(self._fd, os.path.basename(entry.backup))
        try:
            folder = self._enter(os.path.dirname(entry.source))
        except FileNotFoundError:  # in a dry run; otherwise it is made
            return (Verdict.BACK, "was missing") if kept is not None else (Verdict.NOTHING, "is gone")
        now = _look(folder, name)
        if now is not None and not stat.S_ISREG(now.st_mode):
            raise _Refused(f"{_kind(now)} lies there now: left as it is; {self._where(entry, kept)}")
        if now is not None and self._is_original(folder, name, now, kept, entry):
            if kept is not None:
                self._drop(os.path.basename(entry.backup))
            removed = self._remove_conversion(entry, until, folder)
            return (Verdict.BACK, removed) if removed else (Verdict.NOTHING, "is as it was")
        if kept is None and (by := self._changed_by.get((entry.source, entry.before_hash))):
            raise _Refused(f"was replaced by run {by}, not by this one: undo that, with: imgopt-tui undo {by}")
        if kept is None:
            raise _Refused(f"{'is gone' if now is None else 'is left as it is'}; its original is not in the backups")
        if now is not None and not (entry.in_place and self._is_result(folder, name, now, entry, until)):
            self._refuse_changed(entry, kept)
        if not self._is_whole(kept, entry):
            raise _Refused(f"its backup {entry.backup} was changed, so it is not put back")
        if not self._dry:
            self._place(folder, name, now, os.path.basename(entry.backup), kept)
        words = [] if now is not None or not entry.in_place else ["was missing"]
        words += [said] if (said := self._remove_conversion(entry, until, folder)) else []
        return Verdict.BACK, "; ".join(words)

    # ── what lies there ──────────────────────────────────────────────────────────────────────────────────────────

    def _is_original(
        self, folder: int, name: str, now: os.stat_result, kept: os.stat_result | None, entry: Entry
    ) -> bool:
        """Whether the path's file is the very original, or where its backup is gone, one with the same bytes."""
        if kept is not None and (now.st_dev, now.st_ino) == (kept.st_dev, kept.st_ino):
            return True
        if _same(now, entry.before):
            return now.st_ctime_ns == entry.before.ctime_ns or _holds(folder, name, entry.before_hash)
        return kept is None and now.st_size == entry.before.size and _holds(folder, name, entry.before_hash)

    def _is_result(self, folder: int, name: str, now: os.stat_result, entry: Entry, until: int) -> bool:
        """Whether a file is what the run wrote. A stat tells where nothing happened to the file since the ledger was
        written; otherwise (a chmod, a copy, bytes changed under the old times) its content does."""
        after = entry.after
        if after is not None and _same(now, after) and now.st_ctime_ns <= until:
            return True
        if after is None or now.st_size not in (after.size, entry.before.size):
            return False
        return _holds(folder, name, entry.after_hash) or _holds(folder, name, entry.before_hash)

    def _is_whole(self, kept: os.stat_result, entry: Entry) -> bool:
        if not stat.S_ISREG(kept.st_mode) or kept.st_size != entry.before.size:
            return False
        return _same(kept, entry.before) or _holds(self._fd, os.path.basename(entry.backup), entry.before_hash)

    def _refuse_changed(self, entry: Entry, kept: os.stat_result) -> None:
        where = self._where(entry, kept)
        if not entry.in_place:
            raise _Refused(f"another file lies there now: left as it is; {where}")
        if by := self._changed_by.get((entry.source, entry.after_hash)):
            raise _Refused(f"changed since by run {by}: undo that first, with: imgopt-tui undo {by}")
        raise _Refused(f"changed since: left as it is; {where}")

    @functools.cached_property
    def _changed_by(self) -> dict[tuple[str, str], str]:
        """Later runs that took a path's file, by the hash of what they took."""
        mine = self._area
        others = [area for area in find_areas([mine.root]) if area.root == mine.root and area.run != mine.run]
        taken = ((entry, area.run) for area in others for entry, _ in area.entries() if entry.backup)
        return {(entry.source, entry.before_hash): run for entry, run in taken}

    @staticmethod
    def _where(entry: Entry, kept: os.stat_result | None) -> str:
        return f"its original is {entry.backup}" if kept is not None else "its original is not in the backups"

    # ── what is done ─────────────────────────────────────────────────────────────────────────────────────────────

    def _enter(self, path: str) -> int:
        """Descriptor of the folder; one that is gone is made again. The folder before is synced."""
        if path != self._folder_path or self._folder < 0:
            self._leave()
            try:
                self._folder = open_folder(path, create=not self._dry)
            except NotADirectoryError as error:
                raise _Refused(f"is left as it is: {system_reason(error)}") from None
            self._folder_path = path
            if self._copies:
                remove_stale_temps(path)
        return self._folder

    @property
    def _copies(self) -> bool:
        """Whether backups lie on another file system than the open folder, so that a kill may have left a copy."""
        return not self._dry and os.fstat(self._fd).st_dev != os.fstat(self._folder).st_dev

    def _leave(self) -> None:
        if self._folder >= 0:
            try:
                if self._touched:
                    sync(self._folder)
            finally:
                os.close(self._folder)
                self._folder, self._touched = -1, False

    def _drop(self, backup: str) -> None:
        """Remove what is in the area once more than needed; what cannot be removed is left to another undo."""
        if self._dry:
            return
        try:
            os.unlink(backup, dir_fd=self._fd)
        except FileNotFoundError:
            pass
        except OSError:
            self.unfinished = True

    def _place(self, folder: int, name: str, now: os.stat_result | None, backup: str, kept: os.stat_result) -> None:
        """The backup takes the path's name, unless that changed in this moment."""
        self._touched = True
        try:
            self._move(backup, self._fd, folder, name, now)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return
        temp = temp_name(secrets.token_hex(4), 0)
        copy_file(backup, temp, self._fd, folder, Identity.of(kept))
        try:
            self._move(temp, folder, folder, name, now)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temp, dir_fd=folder)
            raise
        sync(folder)
        self._drop(backup)

    def _move(self, source: str, source_folder: int, folder: int, name: str, now: os.stat_result | None) -> None:
        where = {"src_dir_fd": source_folder, "dst_dir_fd": folder}
        if now is not None:
            again = _look(folder, name)
            if again is None or Identity.of(again) != Identity.of(now):
                raise _Refused("changed in this moment: left as it is")
            os.rename(source, name, **where)
            return
        try:
            os.link(source, name, follow_symlinks=False, **where)
        except FileExistsError:
            raise _Refused("changed in this moment: left as it is") from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
                raise
            os.rename(source, name, **where)
            return
        try:
            os.unlink(source, dir_fd=source_folder)
        except OSError:
            self.unfinished = True

    def _remove_conversion(self, entry: Entry, until: int, folder: int) -> str:
        """Remove the converted file beside an original that is back; what is to be said of it."""
        if entry.in_place:
            return ""
        name = os.path.basename(entry.target)
        now = _look(folder, name)
        if now is None:
            return ""
        if not stat.S_ISREG(now.st_mode) or not self._is_result(folder, name, now, entry, until):
            return f"{name!r} was changed since and stays"
        if not self._dry:
            self._touched = True
            try:
                sync(folder)  # the original is there for good
                os.unlink(name, dir_fd=folder)
            except OSError as error:
                self.unfinished = True
                return f"{name!r} cannot be removed: {system_reason(error)}"
        return REMOVED


def _look(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _same(now: os.stat_result, then: Identity) -> bool:
    return Identity.of(now).but_for_ctime(then)


def _holds(folder: int, name: str, wanted: str) -> bool:
    """Whether a file has this content."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        return bool(wanted) and file_hash(fd) == wanted
    finally:
        os.close(fd)


def _kind(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "a symbolic link"
    return "a folder" if stat.S_ISDIR(status.st_mode) else "something that is no file"
