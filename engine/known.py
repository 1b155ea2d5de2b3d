"""Which files of a scan need not be done, or not from themselves: what the journal and the files' own marks say.

    file ─ not touched since? ─yes─▶ its content is known
             └─ no ─ content of this size known, or marked? ─yes─▶ read it ─▶ its content is known
                                                              └─no─▶ new: to be done

Runs in the thread of the scan. A file that cannot be read is left to the worker, who says why.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os.path import join
from typing import TYPE_CHECKING, Protocol

from engine.ledger import HASH_HEX, MARK
from engine.policy import Overwrite
from engine.source import Identity
from engine.why import Why

if TYPE_CHECKING:
    from engine.catalog import Folder
    from engine.job import Recipe
    from engine.marks import Mark
    from engine.plan import Found

__all__ = ["DEATHS", "Known", "Memory", "Verdict", "hash_file", "judge"]

DEATHS = 2
"""A content that cost this many workers is set aside."""
READ_BYTES = 1024 * 1024
GENERATIONS = 20
"""How far back the original of an original is followed."""
_MARK = re.compile(rb"1 ([0-9a-f]{32}) ([0-9a-f]{32}) ([0-9a-f]{16}) ([0-3])")
OWN_LOSSY = "our own lossy result, and its original is not kept (--force encodes it again all the same)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a file."""

    skip: str = ""
    """Why it is left out; empty when it is to be done."""
    why: Why = Why.NONE
    origin: str = ""
    """The original it was made from, to be encoded instead of it."""


TO_DO = Verdict()


class Memory(Protocol):
    """What is remembered of contents: the journal of a run, or one that is only looked at."""

    def hash_of(self, status: os.stat_result) -> bytes | None:
        """The content of a file that was not touched since it was last read; None when that is not known."""

    def look_up(self, status: os.stat_result) -> tuple[bytes, list[Mark]] | None:
        """The same with what is known of that content, in one question."""

    def knows_size(self, size: int) -> bool:
        """Whether anything is known of any content of this size."""

    def marks(self, content: bytes) -> list[Mark]:
        """What is known of a content."""

    def deaths(self, content: bytes) -> tuple[int, str]:
        """How many workers a content cost, and the last one's reason."""

    def read(self, identity: Identity, content: str) -> None:
        """A file was read to learn its content."""


def judge(known: Known | None, recipe: Recipe, folder: Folder, found: Sequence[Found]) -> list[Verdict]:
    """What becomes of files of the scan; ``known`` is None where nothing is remembered."""
    key, siblings, policy = recipe.key, bool(recipe.variants), recipe.policy

    def one(each: Found) -> Verdict:
        if each.skip and each.why is not Why.NAME_TAKEN:
            return Verdict(each.skip, each.why)
        path = target = join(folder.source, each.name)
        if folder.source != folder.target or each.name != each.target_name:
            target = join(folder.target, each.target_name)
        verdict = TO_DO
        if known is not None and each.status is not None:
            verdict = known.judge(path, each.status, target, key, siblings=siblings)
        if verdict.why is Why.DONE_ALREADY and policy.replace and path != target:
            return TO_DO  # its conversion is there, and it is still to go itself
        if verdict.skip:
            return verdict
        if each.skip:
            return Verdict(each.skip, each.why)
        if policy.overwrite is Overwrite.NEVER and path != target and os.path.lexists(target):
            return Verdict(f"{each.target_name!r} exists already; -O all or -O bigger replaces it", Why.NAME_TAKEN)
        return verdict

    return [one(each) for each in found]


class Known:
    """Answers for one run."""

    def __init__(
        self, journal: Memory, *, force: bool = False, retry_quarantined: bool = False, resumed: frozenset[str]
    ) -> None:
        """``force``: what is done counts only if one of the runs ``resumed`` did it, which this one continues."""
        self._journal = journal
        self._force = force
        self._retry = retry_quarantined
        self._resumed = resumed
        self._fresh: list[tuple[Identity, str]] = []

    def judge(self, path: str, status: os.stat_result, target: str, recipe: str, *, siblings: bool) -> Verdict:
        """What becomes of the file at ``path``, whose result would go to ``target``; in place they are equal.
        ``siblings``: whether each result has files beside it."""
        marked = _read_mark(path)
        beside = path != target and _read_mark(target) is not None
        if (found := self._journal.look_up(status)) is not None:
            content, marks = found
        elif (read := self._read(path, status, always=marked is not None or beside)) is not None:
            content, marks = read, self._journal.marks(read)
        else:
            return TO_DO
        deaths, reason = self._journal.deaths(content)
        if deaths >= DEATHS and not self._retry:
            return Verdict(f"set aside: {reason}; --retry-quarantined tries it again", Why.QUARANTINED)
        if marked is not None and marked[1] == content:
            marks = [*marks, _mark_of(marked)]
        done = self._done_in_place if path == target else self._done_elsewhere
        if (run := done(content, marks, target, recipe, siblings=siblings)) is not None:
            return Verdict(f"done already{f' in run {run}' if run else ''}", Why.DONE_ALREADY)
        if any(mark.lossy for mark in marks):
            return self._from_its_original(content, marks)
        return TO_DO

    def _counts(self, mark: Mark) -> bool:
        return not self._force or mark.run in self._resumed

    def _done_in_place(
        self, content: bytes, marks: list[Mark], target: str, recipe: str, *, siblings: bool
    ) -> str | None:
        """The run that made the file what it is; None when it is to be done."""
        own = (mark for mark in marks if mark.recipe == recipe and mark.kind == 1 and self._counts(mark))
        return next((mark.run for mark in own), None)

    def _done_elsewhere(
        self, content: bytes, marks: list[Mark], target: str, recipe: str, *, siblings: bool
    ) -> str | None:
        """The run whose result stands at ``target``; None when it is to be done."""
        results = [mark for mark in marks if mark.recipe == recipe and mark.kind == 0 and self._counts(mark)]
        marked = _read_mark(target) if not siblings and not self._force else None
        ours = marked is not None and (marked[0], marked[2]) == (content, recipe)
        if not results and not ours:
            return None
        try:
            status = os.stat(target, follow_symlinks=False)
        except OSError:
            return None
        there = self._content(target, status, always=True)
        for mark in results:
            if mark.other == there and _stand(target, mark.siblings, siblings):
                return mark.run
        return "" if ours and marked is not None and marked[1] == there else None

    def _from_its_original(self, content: bytes, marks: list[Mark]) -> Verdict:
        """A lossy result of ours is encoded again only from what it was made of."""
        for _ in range(GENERATIONS):
            kept = next(self._kept(marks), None)
            if kept is None:
                break
            path, content = kept
            marks = self._journal.marks(content)
            if not any(mark.lossy for mark in marks):
                return Verdict(origin=path)
        return TO_DO if self._force else Verdict(OWN_LOSSY, Why.OWN_LOSSY)

    def _kept(self, marks: list[Mark]) -> Iterator[tuple[str, bytes]]:
        for mark in marks:
            if mark.lossy and mark.backup:
                path = os.fsdecode(mark.backup)
                try:
                    status = os.stat(path, follow_symlinks=False)
                except OSError:
                    continue
                if self._content(path, status, always=True) == mark.other:
                    yield path, mark.other

    def _content(self, path: str, status: os.stat_result, *, always: bool) -> bytes | None:
        """What a file holds; None when it cannot be read, or need not because nothing of its size is known."""
        if (content := self._journal.hash_of(status)) is not None:
            return content
        return self._read(path, status, always=always)

    def _read(self, path: str, status: os.stat_result, *, always: bool) -> bytes | None:
        """The same for a file of which that is not known, or which was touched."""
        if not always and not self._journal.knows_size(status.st_size):
            return None
        if (found := hash_file(path, Identity.of(status))) is None:
            return None
        self._journal.read(Identity.of(status), found)
        return bytes.fromhex(found)


def hash_file(path: str, identity: Identity | None = None) -> str | None:
    """``content_hash`` of a file; None when it cannot be read, or is not ``identity`` before and after."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        before = Identity.of(os.fstat(fd))
        if identity is not None and before != identity:
            return None
        digest = hashlib.sha256()
        while part := os.read(fd, READ_BYTES):
            digest.update(part)
        return digest.hexdigest()[:HASH_HEX] if Identity.of(os.fstat(fd)) == before else None
    except OSError:
        return None
    finally:
        os.close(fd)


_Marked = tuple[bytes, bytes, str, int]
"""What a file says of itself: the content it was made from, its own, the recipe, and flags."""


def _read_mark(path: str) -> _Marked | None:
    try:
        text = os.getxattr(path, MARK, follow_symlinks=False)
    except (OSError, AttributeError):
        return None
    match = _MARK.fullmatch(text)
    if match is None:
        return None
    before, after, recipe, flags = match.groups()
    return bytes.fromhex(before.decode()), bytes.fromhex(after.decode()), recipe.decode(), int(flags)


def _mark_of(marked: _Marked) -> Mark:
    from engine.marks import Kind, Mark

    return Mark(marked[2], Kind.RESULT, marked[0], marked[3], "", b"", None)


def _stand(target: str, names: str | None, wanted: bool) -> bool:
    """Whether everything that was written beside a result is there."""
    if not wanted:
        return True
    if names is None:
        return False
    folder = os.path.dirname(target)
    return all(os.path.lexists(os.path.join(folder, name)) for name in names.split("/") if name)
