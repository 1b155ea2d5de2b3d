"""What may not be written: as an ordinary user, on immutable files, on file systems that are read-only or full."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.oracle import Loss, Tree, bad_words, digest
from tests.faults.running import CHECKOUT, Ran, run_whole
from tests.faults.table import Bench, Row
from tests.faults.trees import plant

NOBODY = 65534
DROP = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
USAGE = 2
LIMIT = 4


@dataclass(frozen=True, slots=True)
class User:
    """How to run the program as an ordinary user."""

    before: tuple[str, ...] = ()
    tool: tuple[str, ...] = (sys.executable, "-P", "-m", "tui.__main__")
    why_not: str = ""
    """Why that cannot be done here; empty when it can."""


def ordinary_user() -> User:
    """The user that runs the suite, or, for root, nobody; with an interpreter that nobody can reach."""
    if os.geteuid() != 0:
        return User()
    if not shutil.which("setpriv"):
        return User(why_not="needs setpriv")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = sysconfig.get_path("purelib")
    for interpreter in (sys.executable, f"/usr/bin/{version}"):
        words = [*DROP, "env", f"PYTHONPATH={CHECKOUT}:{packages}", interpreter, "-P"]
        probe = subprocess.run(
            [*words, "-c", "import pyvips, psutil, tui.cli"], capture_output=True, cwd="/", check=False
        )
        if probe.returncode == 0:
            return User(tuple(words[:-2]), (interpreter, "-P", "-m", "tui.__main__"))
    return User(why_not="no interpreter that another user can reach")


def _judged(tree: Tree, ran: Ran, *, expected: Sequence[str] | None = None) -> list[Loss]:
    found = tree.losses(replaced=True, over=True)
    found += [*tree.unreported(ran.results, expected=expected), *tree.untold(ran.results)]
    return found + bad_words("\n".join(ran.lines))


def _ended(ran: Ran, path: Path, words: str, *statuses: str) -> list[Loss]:
    """What is wrong unless the report says ``words`` of a file that was left alone."""
    for result in ran.results:
        if result["original_path"] == os.fspath(path):
            if result["status"] in statuses and words in result["reason"]:
                return []
            return [Loss("report", os.fspath(path), f"{result['status']}: {result['reason']}, not {words!r}")]
    return [Loss("report", os.fspath(path), "not named")]


def _own(root: Path) -> None:
    """Everything below belongs to the ordinary user."""
    if os.geteuid() == 0:
        for folder, folders, names in os.walk(root):
            for name in (".", *folders, *names):
                os.chown(os.path.join(folder, name), NOBODY, NOBODY, follow_symlinks=False)


def _state(bench: Bench, name: str) -> Path:
    state = bench.folder(f"{name}-s")
    _own(state)
    return state


def as_user(bench: Bench, user: User) -> Row:
    """Files and folders that an ordinary user may not change, in a tree of files that it may."""
    name, what = "no right to write, ordinary user", "files and folders"
    if user.why_not:
        return Row(name, what, 0, note=user.why_not)
    root = plant(bench.samples(12), bench.base / "user" / "in")
    locked, theirs, unreadable, read_only = (root / "locked" / "p.jpg", root / "t.jpg", root / "u.jpg", root / "r.jpg")
    locked.parent.mkdir()
    for path in (locked, theirs, unreadable, read_only):
        shutil.copyfile(bench.samples(12)[0], path)
    closed = root / "closed"
    closed.mkdir()
    shutil.copyfile(bench.samples(12)[0], closed / "p.jpg")
    _own(bench.base / "user")
    checks: list[tuple[Path, str, tuple[str, ...]]] = [
        (locked, "permission denied", ("failed",)),
        (unreadable, "permission denied", ("failed",)),
    ]
    if os.geteuid() == 0:
        os.chown(theirs, 0, 0)
        theirs.chmod(0o644)
        checks.append((theirs, "belongs to another user", ("skipped",)))
    tree = Tree(root, bench.base / "pristine", bench.judge)
    for path, mode in ((locked.parent, 0o555), (unreadable, 0), (read_only, 0o444), (closed, 0)):
        path.chmod(mode)
    tree.set_mode(unreadable, 0)
    tree.set_mode(read_only, 0o444)
    words = ["run", os.fspath(root), "--in-place", "--json"]
    ran = run_whole(words, _state(bench, "user"), before=user.before, tool=user.tool)
    for path in (locked.parent, closed):
        path.chmod(0o755)
    expected = [path for path in tree.before if not path.startswith(os.fspath(closed))]
    unreadable.chmod(0o400)
    tree.set_mode(unreadable, 0o400)
    losses = _judged(tree, ran, expected=expected)
    losses += [loss for path, said, statuses in checks for loss in _ended(ran, path, said, *statuses)]
    if not any("closed" in line and "cannot be read" in line for line in ran.lines):
        losses.append(Loss("report", os.fspath(closed), "a folder that cannot be read is not named"))
    if digest(os.fspath(read_only)) == tree.before[os.fspath(read_only)].digest:
        losses.append(Loss("report", os.fspath(read_only), "a read-only file of one's own was not done"))
    return Row(name, what, len(tree.before), losses)


def output_refused(bench: Bench, user: User) -> Row:
    """An output folder that cannot be made is a sentence before anything is begun."""
    name, what = "output folder that cannot be made", "run"
    if user.why_not:
        return Row(name, what, 0, note=user.why_not)
    root = plant(bench.samples(12), bench.base / "refused" / "in")
    _own(bench.base / "refused")
    tree = Tree(root, bench.base / "pristine", bench.judge)
    (bench.base / "refused" / "locked").mkdir(mode=0o555)
    words = ["run", os.fspath(root), "-o", os.fspath(bench.base / "refused" / "locked" / "out"), "--json"]
    ran = run_whole(words, _state(bench, "refused"), before=user.before, tool=user.tool)
    losses = tree.losses(replaced=False, over=True)
    if ran.code != USAGE or len(ran.lines) != 1 or "-o" not in ran.lines[0]:
        losses.append(Loss("report", "", f"exit code {ran.code}, said {ran.lines}"))
    return Row(name, what, 1, losses)


def file_size_limit(bench: Bench) -> Row:
    """SIGXFSZ and EFBIG: no file may grow over 1 kB (not even those of the run's own state)."""
    name, what = "limit of file size (SIGXFSZ)", "in place, prlimit --fsize"
    if not shutil.which("prlimit"):
        return Row(name, what, 0, note="needs prlimit")
    root = plant(bench.samples(12), bench.base / "fsize" / "in")
    tree = Tree(root, bench.base / "pristine", bench.judge)
    words = ["run", os.fspath(root), "--in-place", "--json"]
    ran = run_whole(words, bench.folder("fsize-s"), before=["prlimit", "--fsize=1024"])
    losses = _judged(tree, ran)
    if not any("file too large" in str(result["reason"]) for result in ran.results):
        losses.append(Loss("report", "", "no result was too large: the limit shows nothing"))
    return Row(name, what, len(tree.before), losses)


# ── with root ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tmpfs(folder: Path, options: str) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", os.fspath(folder)], check=True)


def full_disk(bench: Bench) -> tuple[int, list[Loss]]:
    """A file system with room for a few results only; then a second run when there is room."""
    place = bench.base / "full"
    _tmpfs(place, "size=2m")
    try:
        root = plant(bench.samples(12), bench.base / "full-in")
        tree = Tree(root, bench.base / "pristine", bench.judge)
        (place / "out").mkdir()
        filler = place / "filler"
        with open(filler, "wb") as file:
            file.write(bytes((2 << 20) - 24 * 1024))
        words = ["run", os.fspath(root), "-o", os.fspath(place / "out"), "--min-free", "0", "--json"]
        ran = run_whole(words, bench.folder("full-s"))
        planned = {result["optimized_path"]: result["original_path"] for result in ran.results}
        losses = [*tree.losses(replaced=False, over=True, folders=[os.fspath(place / "out")], also=planned)]
        losses += [*tree.bad_results({k: v for k, v in planned.items() if k}), *bad_words("\n".join(ran.lines))]
        if ran.code != LIMIT or not any(f"no room in {place}" in line for line in ran.lines):
            losses.append(Loss("report", "", f"exit code {ran.code}, said {ran.lines}"))
        losses += [
            Loss("report", str(result["original_path"]), f"failed: {result['reason']}")
            for result in ran.results
            if result["status"] == "failed"  # what found no room waits for the next run
        ]
        filler.unlink()
        again = run_whole(words, bench.base / "full-s")
        losses += tree.unreported(again.results)
        losses += [Loss("restart", "", f"exit code {again.code}")] if again.code else []
        return len(tree.before), losses
    finally:
        subprocess.run(["umount", os.fspath(place)], check=True)


def read_only_disk(bench: Bench) -> tuple[int, list[Loss]]:
    """A file system that was made read-only."""
    place = bench.base / "read-only"
    _tmpfs(place, "size=8m")
    try:
        root = plant(bench.samples(12), place / "in")
        tree = Tree(root, bench.base / "pristine", bench.judge)
        subprocess.run(["mount", "-o", "remount,ro", os.fspath(place)], check=True)
        words = ["run", os.fspath(root), "--in-place", "--json"]
        refused = run_whole(words, bench.folder("read-only-s"))
        ran = run_whole([*words, "--no-backup"], bench.base / "read-only-s")
        losses = tree.losses(replaced=False, over=True)
        if ran.code != LIMIT or not any("is read-only" in line for line in ran.lines):
            losses.append(Loss("report", "", f"exit code {ran.code}, said {ran.lines}"))
        if refused.code != USAGE or len(refused.lines) != 1 or "--no-backup" not in refused.lines[0]:
            losses.append(Loss("report", "", f"exit code {refused.code}, said {refused.lines}"))
        losses += [
            Loss("report", str(result["original_path"]), f"{result['status']}: {result['reason']}")
            for result in ran.results
            if result["status"] == "done"
        ]
        return len(tree.before), losses
    finally:
        subprocess.run(["umount", os.fspath(place)], check=True)


def immutable(bench: Bench) -> tuple[int, list[Loss]]:
    """Files and a folder that not even root may change."""
    root = plant(bench.samples(12), bench.base / "immutable" / "in")
    fixed, append, folder = root / "p000.jpg", root / "p001.png", root / "below"
    tree = Tree(root, bench.base / "pristine", bench.judge)
    for flag, path in (("+i", fixed), ("+a", append), ("+i", folder)):
        subprocess.run(["chattr", flag, os.fspath(path)], check=True)
    try:
        ran = run_whole(["run", os.fspath(root), "--in-place", "--json"], bench.folder("immutable-s"))
    finally:
        for flag, path in (("-i", folder), ("-a", append), ("-i", fixed)):
            subprocess.run(["chattr", flag, os.fspath(path)], check=True)
    losses = _judged(tree, ran)
    said = [(fixed, "not writable"), (append, "not writable"), (folder / "p009.png", "")]
    losses += [loss for path, words in said for loss in _ended(ran, path, words, "failed", "skipped")]
    return len(ran.results), losses


ROOT: dict[str, tuple[str, Callable[[Bench], tuple[int, list[Loss]]]]] = {
    "disk full": ("tmpfs with room for a few results", full_disk),
    "disk made read-only": ("in place, remount,ro", read_only_disk),
    "immutable files and folder": ("in place, chattr +i and +a", immutable),
}


def rights(bench: Bench) -> list[Row]:
    """What an ordinary user can try, then what needs root."""
    user = ordinary_user()
    rows = [as_user(bench, user), output_refused(bench, user), file_size_limit(bench)]
    for name, (what, do) in ROOT.items():
        if os.geteuid() != 0:
            rows.append(Row(name, what, 0, note="needs root"))
            continue
        times, losses = do(bench)
        rows.append(Row(name, what, times, losses))
    return rows
