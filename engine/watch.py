"""A tree that is watched, as a run's endless source of images.

    inotify ─▶ files ─▶ settled ─┐
           └─▶ new folders ──────┼─▶ plan.look ─▶ not handed over as it is now? ─▶ the run
    catching up, lost news, ─────┘
    ``rescan``: the whole tree

What the system tells only says where to look; what is there decides. A folder's watch is set right before the folder
is listed, so whatever comes into it is either listed or told. For each path it is remembered what was handed over, and
what the run itself put there, as a few numbers: an image that failed is not tried again until it changes, and no result
is taken for something new. What earlier runs did the journal knows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from engine.backup import AREA
from engine.catalog import Folder
from engine.errors import PlanError
from engine.extent import Extent
from engine.folder_settings import FolderSettings
from engine.formats import looks_like_image
from engine.job import Outcome
from engine.known import Verdict
from engine.notices import News, Notices, NoWatches, open_notices, readable
from engine.plan import Found, make_plan
from engine.selection import IGNORE_FILE
from engine.settings import Settings
from engine.settling import Settling
from engine.why import Why

__all__ = ["Watch"]

POLL_SECONDS = 30.0
"""Between two looks through the tree where the system does not tell of all changes."""
TURN_SECONDS = 0.1
"""Between two looks at what was heard."""
MOST_SECONDS = 3600.0
MOST_IMAGES = 100_000
"""A run that was handed so many images ends, and the next one goes on: its list of images is kept in memory."""
LONGEST_RUN = 24 * 3600.0
"""The same for one that is so old and did something: runs are listed, reported and undone by the day."""

Chunk = tuple[Folder, list[Found]]


class Watch:
    """Of some folders; ``scan`` is read by one run after the other. Use as a context manager."""

    def __init__(
        self,
        paths: Sequence[str],
        settings: Settings,
        own: FolderSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        most_images: int = MOST_IMAGES,
    ) -> None:
        """``own`` are the settings of single folders. Raises PlanError or ConfigError; nothing is watched before the
        first ``scan``."""
        self._plan = make_plan(paths, settings, own)
        if named := next((root for root in self._plan.roots if root.names), None):
            raise PlanError(f"{os.path.join(named.source, named.names[0])} is a file: watch takes folders")
        if settings.flat:
            raise PlanError("--flat names results by all images of the tree, and a watch does not know those to come")
        self._settings = settings
        self._clock = clock
        self._most = most_images
        self._settling = Settling(settings.settle, wall)
        self._rescan = settings.rescan
        self._notices: Notices | None = None
        self._trouble = ""
        try:
            self._notices = open_notices(needed=settings.rescan is None)
        except NoWatches as error:
            self._poll_too(str(error))
        if self._notices is None:
            self._rescan = self._rescan or POLL_SECONDS
        self._wake, self._waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._stopped = False
        self._behind = True
        """Whether there may be something anywhere."""
        self._why = ""
        """Why that is so, where it is to be said."""
        self._said: set[str] = set()
        self._rescan_at = 0.0
        self._folders: set[str] = set()
        self._handed: dict[int, int] = {}
        """Hash of a path → what was handed over or put there, see ``_token``."""
        self._in_work: set[int] = set()
        """Hashes of paths whose images are not through: what lies there may be a result already."""
        self._began = 0.0
        self._count = 0
        self.caught_up = False
        """Whether the whole tree was looked through once."""
        self.lost = ""
        """Why there is nothing to be watched any more, as a sentence."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._notices is not None:
            self._notices.close()
        os.close(self._wake)
        os.close(self._waker)

    @property
    def folders(self) -> int:
        """Folders that the system tells of."""
        return len(self._notices) if self._notices is not None else 0

    @property
    def goes_on(self) -> bool:
        """Whether another run is to take over."""
        return not self._stopped

    def stop(self) -> None:
        """Hand over nothing more; from any thread."""
        self._stopped = True
        os.write(self._waker, b"\0")

    def wants(self, verdict: Verdict) -> bool:
        """Whether an image belongs in the run's list: what is done already is news only while it is looked for."""
        return verdict.why is not Why.DONE_ALREADY or not self.caught_up

    def took(self, folder: Folder, found: Sequence[Found]) -> None:
        """These images are in the run's list. They are not looked at again before they are through."""
        for each in found:
            self._in_work.add(hash(os.path.join(folder.source, each.name)))
            self._in_work.add(hash(os.path.join(folder.target, each.target_name)))

    def finished(self, source: str, target: str, outcome: Outcome) -> None:
        """An image is through, whose result was to go to ``target``: what the run put into the tree by itself is
        nothing new. From the run's thread."""
        if self._settings.in_place and (entry := outcome.entry) is not None and (after := entry.after) is not None:
            self._handed[hash(outcome.target)] = hash((after.inode, after.size, after.mtime_ns))
        self._in_work.difference_update((hash(source), hash(target)))

    # ── one run's share ──────────────────────────────────────────────────────────────────────────────────────────

    def scan(self, note: Callable[[str], None]) -> Iterator[Chunk | None]:
        """Images as they settle, folder by folder, until there are enough for one run, or ``stop``; None where there is
        no more for now. Blocks. ``note`` takes lines for the log."""
        self._began, self._count = self._clock(), 0
        yield from self._news(note)
        yield None
        while not self._stopped and not self._enough():
            if readable(self._sources(), self._patience()):
                readable([self._wake], TURN_SECONDS)
            self._hear()
            before = self._count
            yield from self._news(note)
            if self._count > before:
                yield None

    def _enough(self) -> bool:
        old = self._clock() - self._began >= LONGEST_RUN
        return self._count >= self._most or (old and self._count > 0)

    def _sources(self) -> list[int]:
        return [self._wake] if self._notices is None else [self._wake, self._notices.fileno()]

    def _patience(self) -> float:
        """Seconds until there may be something to do without news."""
        times = [self._rescan_at] if self._rescan is not None else []
        times += [due] if (due := self._settling.next_due()) is not None else []
        return max(0.0, min([MOST_SECONDS, *(each - self._clock() for each in times)]))

    def _hear(self) -> None:
        """Note what the system tells."""
        now = self._clock()
        for notice in self._notices.read() if self._notices is not None else ():
            path, name = notice.path, os.path.basename(notice.path)
            match notice.news:
                case News.LOST:
                    self._behind, self._why = True, "the system lost news of changes"
                case _ if name == IGNORE_FILE:
                    self._behind, self._why = True, f"{path} changed"
                case News.FOLDER:
                    if name != AREA and (self._settings.hidden or not name.startswith(".")):
                        self._folders.add(path)
                case News.VANISHED:
                    self._vanished(path)
                case News.GONE:
                    self._settling.forget(path)
                    self._handed.pop(hash(path), None)
                case _ if looks_like_image(name):
                    self._settling.news(path, now, open=notice.news is News.BEGUN)

    def _vanished(self, path: str) -> None:
        if self._notices is not None:
            self._notices.leave(path)
        if any(root.source == path for root in self._plan.roots):
            self.lost = f"{path} is gone or was renamed: nothing is watched any more; what was done stays"
            self._stopped = True

    def _news(self, note: Callable[[str], None]) -> Iterator[Chunk]:
        """Look where there is something to see."""
        now = self._clock()
        if self._behind or (self._rescan is not None and now >= self._rescan_at):
            for root in self._plan.roots:
                if not os.path.isdir(root.source):
                    self._vanished(root.source)
                    return
            if self._why:
                note(f"{self._why}: everything is looked through")
            self._behind, self._why = False, ""
            self._folders.clear()
            yield from self._through(Extent(entering=self._enter), note)
            self._rescan_at = self._clock() + (self._rescan or 0.0)
            self.caught_up = self.caught_up or not self._behind
        elif self._folders:
            folders, self._folders = self._folders, set()
            yield from self._through(Extent((), folders, self._enter), note)
        if not self._behind and (settled := list(self._settled(now))):  # else the next run finds them with the rest
            yield from self._through(Extent(settled), note, settled=True)
        if self._trouble:
            note(self._trouble)
            self._trouble = ""

    def _enter(self, folder: str) -> None:
        if self._notices is None:
            return
        try:
            self._notices.add(folder)
        except NoWatches as error:
            self._poll_too(str(error))

    def _poll_too(self, why: str) -> None:
        """Look through the tree again and again, as the system does not tell all."""
        if self._rescan is None:
            self._rescan = POLL_SECONDS
            self._rescan_at = self._clock() + POLL_SECONDS
            self._trouble = f"{why}; until then the whole tree is looked through every {POLL_SECONDS:g} s"

    def _settled(self, now: float) -> Iterator[str]:
        """Paths of files that are complete and not handed over yet as they are now."""
        for path in self._settling.due(now):
            status = _look(path)
            if status is None:
                self._settling.forget(path)
            elif hash(path) in self._in_work:
                self._settling.news(path, now)
            elif self._settling.settled(path, now, status) and self._handed.get(hash(path)) != _token(status):
                yield path

    def _through(self, extent: Extent, note: Callable[[str], None], *, settled: bool = False) -> Iterator[Chunk]:
        """What there is to hand over; ``settled``: files that are complete."""
        left_alone = not self.caught_up and not self._settings.catch_up
        self._plan.rules.read_again()
        for folder, found in self._plan.look(self._once(note), extent):
            fresh = list(self._fresh(folder, found, settled=settled or left_alone))
            if fresh and not left_alone:
                self._count += len(fresh)
                yield folder, fresh
            if self._stopped or self._enough():  # the next run looks for the rest
                self._behind = True
                return

    def _once(self, note: Callable[[str], None]) -> Callable[[str], None]:
        """What was said of a folder is not said again with every look."""

        def tell(line: str) -> None:
            if line not in self._said:
                self._said.add(line)
                note(line)

        return tell

    def _fresh(self, folder: Folder, found: Iterable[Found], *, settled: bool) -> Iterator[Found]:
        now = self._clock()
        for each in found:
            path = os.path.join(folder.source, each.name)
            token = _token(each.status) if each.status is not None else hash(each.skip)
            if self._handed.get(hash(path)) == token:
                continue
            if hash(path) in self._in_work:
                self._settling.news(path, now)
                continue
            if settled or each.status is None or self._settling.found(path, now, each.status):
                self._handed[hash(path)] = token
                yield each


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path, follow_symlinks=False)
    except OSError:
        return None


def _token(status: os.stat_result) -> int:
    """Tells whether the file at a path is still the one it was; a chmod or another link does not matter."""
    return hash((status.st_ino, status.st_size, status.st_mtime_ns))
