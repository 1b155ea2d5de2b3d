"""Scenes: one tree, one way of running over it, everything it would write; made afresh for every fault."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.settings import Settings
from tests.faults.judge import Judge
from tests.faults.oracle import BACKUPS, Loss, Tree, bad_words
from tests.faults.running import Ran, run_tree, worker_commands
from tests.faults.trees import plant

MODES: dict[str, tuple[str, ...]] = {
    "in place": ("--in-place",),
    "tree": ("-o", "OUT"),
    "siblings": ("-o", "OUT", "--also", "webp", "--widths", "48"),
    "beside": ("--in-place", "--format", "webp"),
    "instead": ("--in-place", "--format", "webp", "--replace"),
    "copied": ("--in-place", "--backup-folder", "BACKUPS"),
    "foreign": ("-o", "OUT"),
}
"""Ways of running, as words of the command line; OUT stands for the output folder, BACKUPS for that of the backups.
``copied``: they are on another file system, so that originals are copied there. ``foreign``: the output folder holds a
file of somebody else, so that nothing in it may be replaced."""
FOREIGN = "somebody's.txt"
ELSEWHERE = Path("/dev/shm")
"""A file system in memory, where Linux has one."""


def settings_of(mode: str, output: str, backups: str = "") -> Settings:
    """The same for a run in this process."""
    match mode:
        case "in place":
            return Settings(in_place=True, workers=1)
        case "siblings":
            return Settings(output=output, also=("webp",), widths=(48,), workers=1)
        case "beside":
            return Settings(in_place=True, format="webp", workers=1)
        case "instead":
            return Settings(in_place=True, format="webp", replace=True, workers=1)
        case "copied":
            return Settings(in_place=True, backup_folder=backups, workers=1)
        case _:
            return Settings(output=output, workers=1)


@dataclass
class Scene:
    """One way of running over a tree below ``base``."""

    mode: str
    base: Path
    samples: Sequence[Path]
    judge: Judge
    planned: dict[str, str] = field(default_factory=dict)
    """Path of each result and sibling beside or apart from its source → path of that source; known after
    ``reference``."""
    mains: dict[str, str] = field(default_factory=dict)
    """Source → its own result, where that lies elsewhere; known after ``reference``."""
    tree: Tree = field(init=False)

    @property
    def root(self) -> Path:
        """Folder of the sources."""
        return self.base / "in"

    @property
    def output(self) -> Path:
        """Folder of the results, where they are apart."""
        return self.base / "out"

    @property
    def backups(self) -> Path:
        """Folder of the backups."""
        above = ELSEWHERE / f"imgopt-{zlib.crc32(os.fsencode(self.base)):08x}" if self.mode == "copied" else self.root
        return above / BACKUPS

    @property
    def state(self) -> Path:
        """``$XDG_STATE_HOME``."""
        return self.base / "s"

    @property
    def in_place(self) -> bool:
        """Whether results replace their sources."""
        return "--in-place" in MODES[self.mode]

    @property
    def words(self) -> list[str]:
        """The command line of a whole run."""
        folders = {"OUT": os.fspath(self.output), "BACKUPS": os.fspath(self.backups)}
        words = [folders.get(word, word) for word in MODES[self.mode]]
        return ["run", os.fspath(self.root), *words, "--json", "--workers", "1"]

    def fresh(self, *, environment: bool = True) -> None:
        """Everything as before the first run; ``environment``: for a run in this process too."""
        for folder in (self.output, self.state, self.backups):
            shutil.rmtree(folder, ignore_errors=True)
        plant(list(self.samples), self.root)
        self.backups.parent.mkdir(exist_ok=True)
        if self.mode == "foreign":
            self.output.mkdir()
            (self.output / FOREIGN).write_text("not of this program\n", encoding="ascii")
        if environment:
            os.environ["XDG_STATE_HOME"] = os.fspath(self.state)
        self.tree = Tree(self.root, self.base / "pristine", self.judge)

    def run(self) -> Ran:
        """A run in this process; which workers it starts is said around the call."""
        settings = settings_of(self.mode, os.fspath(self.output), os.fspath(self.backups))
        return run_tree([os.fspath(self.root)], settings)

    def reference(self) -> Ran:
        """A run without faults, which tells what is to be written."""
        self.fresh()
        with worker_commands():
            ran = self.run()
        assert ran.code == 0, ran.lines
        for result in ran.results:
            source, main = str(result["original_path"]), str(result["optimized_path"])
            siblings = [str(sibling["path"]) for sibling in result.get("siblings", ())]
            if main != source:
                self.mains[source] = main
            self.planned.update({path: source for path in (main, *siblings) if path != source})
        return ran

    @property
    def instead(self) -> dict[str, str]:
        """Source → the conversion that takes its place, where this way of running removes sources."""
        return self.mains if self.mode == "instead" else {}

    def clear_backups(self) -> None:
        """Remove those that are in no folder of the scene."""
        if self.mode == "copied":
            shutil.rmtree(self.backups.parent, ignore_errors=True)

    def there(self) -> list[str]:
        """For each source the path that holds it or what took its place: what one more run finds."""
        return [path if os.path.lexists(path) else self.instead.get(path, path) for path in self.tree.before]

    def denied(self, ran: Ran) -> list[Loss]:
        """Results that are there although this run reports that they could not be made."""
        return [
            Loss("report", main, f"is there, and reported as {result['status']}: {result['reason']}")
            for result in ran.results
            if (main := self.mains.get(str(result["original_path"]))) and os.path.isfile(main)
            if result["status"] in ("failed", "skipped") and "sync" not in str(result["reason"])
        ]

    def losses(self, *, over: bool, ran: Ran | None = None, expected: Iterable[str] | None = None) -> list[Loss]:
        """What is wrong now; with ``ran`` also in what it said. ``over``: no fault comes any more."""
        folders = [os.fspath(folder) for folder in (self.output, self.backups) if folder.is_dir()]
        also = {*self.planned, os.fspath(self.output / FOREIGN)}
        found = self.tree.losses(replaced=self.in_place, over=over, also=also, folders=folders, instead=self.instead)
        found += self.tree.bad_results(self.planned)
        if ran is not None:
            found += self.tree.unreported(ran.results, expected=expected)
            found += bad_words("\n".join(ran.lines))
        return found
