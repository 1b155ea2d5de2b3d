"""Awkward names, links, and things that are no files; output folders that lead to the originals; names that collide."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.formats import looks_like_image
from tests.faults.oracle import Loss, Tree, bad_words
from tests.faults.running import Ran, run_whole
from tests.faults.table import Bench, Row
from tests.faults.tracing import CHANGING, STRACE, injected, read_log

NAMES = (
    b"space name", b"-rf", b"--help", b"new\nline", b"tab\t", b"esc\x1b[2Jred\x1b[31m", b"bel\x07", b"latin1-\xe9\xff",
    "emoji-\U0001f600".encode(), "nfc-\u00e9".encode(), "nfc-e\u0301".encode(), "rtl-\u202egnp.exe".encode(),
    b"quote'\"", b"dollar$(touch x)", b"[red]x[bold]", b"%s%n", b"a" * 250, b"Case", b"case", b"CASE", b"vips[page=1]",
    b"opt[Q=1]", b"colon:C", b"trailing ", b"*", b"?", b"{a,b}", b"CON", b"\xff\xfe", b"..", b"a.jpg", b"same",
    b"x.tmp", b"back\\slash", b"null\\0", b"imgopt.tmp",
)  # fmt: skip
"""Names of files without their extension."""
SAME = ("same", "nfc-\u00e9")
"""Names that exist with every extension as well."""
DEEP = 40
TAME = ("/dev/null", "/dev/tty", "/proc/")
"""Where writing changes no file."""


def plant(samples: Sequence[Path], root: Path, outside: Path) -> None:
    """The tree, and a folder outside that its links lead to."""
    root.mkdir()
    outside.mkdir()
    taken = iter(samples)
    for name in NAMES:
        sample = next(taken)
        shutil.copyfile(sample, os.path.join(os.fsencode(root), name + sample.suffix.encode()))
    for same in SAME:
        for sample in (next(taken) for _ in range(5)):
            if not (path := root / f"{same}{sample.suffix}").exists():
                shutil.copyfile(sample, path)
    deep = root.joinpath(*(f"d{number:02}" for number in range(DEEP)))
    deep.mkdir(parents=True)
    for path in (deep / "deep.jpg", outside / "victim.jpg", root / "hard-1.jpg", root / "read-only.jpg"):
        shutil.copyfile(samples[0], path)
    os.link(root / "hard-1.jpg", root / "hard-2.jpg")
    os.link(outside / "victim.jpg", root / "hard-outside.jpg")
    (root / "read-only.jpg").chmod(0o444)
    _plant_links(root, outside)
    os.mkfifo(root / "fifo.png")
    (root / "folder.png").mkdir()
    shutil.copyfile(samples[1], root / "folder.png" / f"inside{samples[1].suffix}")
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(root, os.O_RDONLY)
        made.bind(f"/proc/self/fd/{here}/sock.png")
        os.close(here)
    if os.geteuid() == 0:
        os.mknod(root / "device.png", stat.S_IFCHR | 0o666, os.makedev(1, 5))


def _plant_links(root: Path, outside: Path) -> None:
    for name, target in (
        ("link-file.png", "space name.png"), ("link-dangling.png", "nowhere.png"), ("link-self.png", "link-self.png"),
        ("link-parent", ".."), ("link-dot", "."), ("link-root", "/"), ("link-passwd.png", "/etc/passwd"),
        ("loop-a", "loop-b"), ("loop-b", "loop-a"), ("link-zero.png", "/dev/zero"), ("link-mem.jpg", "/proc/self/mem"),
        ("link-outside.jpg", os.fspath(outside / "victim.jpg")), ("link-outdir", os.fspath(outside)),
        ("link-outdir.jpg", os.fspath(outside)),
    ):  # fmt: skip
        (root / name).symlink_to(target)


def _expected(root: str) -> Iterator[str]:
    """What a run must name: everything with an image's name that is no folder."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if looks_like_image(name) and not name.startswith("."):
                yield os.path.join(folder, name)


def _others(root: str) -> dict[str, str]:
    """Everything that is no regular file, and hard links: path → what it is."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            status = os.lstat(path := os.path.join(folder, name))
            kind = f"{stat.S_IFMT(status.st_mode):o}"
            if stat.S_ISLNK(status.st_mode):
                found[path] = f"{kind} {os.readlink(path)}"
            elif not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                found[path] = f"{kind} inode {status.st_ino}" if stat.S_ISREG(status.st_mode) else kind
    return found


def written_outside(log: str, allowed: Sequence[str]) -> list[Loss]:
    """Calls of a log that change something outside the folders ``allowed``, wherever links led them. Names
    without a folder are taken for names in ``/``, where runs of the suite are started."""
    found = []
    for call in read_log(log):
        if call.failed or call.name in ("flock", "ioctl", "bind") or (call.name == "openat" and not call.creates):
            continue
        real = call.text.rpartition(" = ")[2].partition("<")[2].rstrip(">") if call.name == "openat" else ""
        paths = [real or call.paths[-1]] if call.paths else []
        for path in (os.path.normpath(os.path.join("/", path)) for path in paths):
            if not path.startswith((*allowed, *TAME)):
                found.append(Loss("outside", path, f"{call.name} there: {call.text[:150]}"))
    return found


@contextlib.contextmanager
def short_state() -> Iterator[Path]:
    """A folder for a run's state in whose path there is room for a socket, so that none is looked for elsewhere."""
    with tempfile.TemporaryDirectory(prefix="iot-") as state:
        yield Path(state)


def _run(bench: Bench, name: str, words: Sequence[str], root: Path, allowed: Sequence[Path]) -> tuple[Ran, list[Loss]]:
    """A whole run, traced where that can be; what it wrote outside ``allowed``."""
    log = os.fspath(bench.base / f"{name}-log")
    calls = [call for call in CHANGING if call not in ("ioctl", "flock")]
    before = injected(log=log, calls=calls, more=["--seccomp-bpf"]) if STRACE else []
    with short_state() as state:
        ran = run_whole(["run", os.fspath(root), *words, "--json"], state, before=before)
        return ran, written_outside(log, [os.fspath(path) for path in (*allowed, state)])


def _tree(bench: Bench, name: str) -> tuple[Tree, dict[str, str]]:
    folder = bench.folder(name)
    plant(bench.samples(len(NAMES) + 5 * len(SAME)), folder / "in", folder / "outside")
    return Tree(folder, bench.base / "pristine", bench.judge), _others(os.fspath(folder))


def names_in_place(bench: Bench) -> Row:
    """The awkward tree in place."""
    tree, others = _tree(bench, "names-in-place")
    root = Path(tree.root) / "in"
    expected = list(_expected(os.fspath(root)))
    ran, losses = _run(bench, "in-place", ["--in-place"], root, [root])
    losses += tree.losses(replaced=True, over=True)
    losses += [*tree.unreported(ran.results, expected=expected), *tree.untold(ran.results)]
    losses += [*bad_words("\n".join(ran.lines)), *_changed(others, _others(tree.root))]
    losses += [Loss("report", "", line) for line in ran.lines if "\x1b" in line or "\x07" in line or "\u202e" in line]
    done = sum(result["status"] == "done" for result in ran.results)
    return Row(
        "awkward names, links, devices in place", f"{len(expected)} names", len(expected), losses, f"{done} done"
    )


def _changed(before: dict[str, str], after: dict[str, str]) -> list[Loss]:
    """Links, devices, folders and hard links that are not what they were. What is new is the oracle's affair."""
    return [
        Loss("changed", path, f"{what} is now {after.get(path)}")
        for path, what in before.items()
        if after.get(path) != what
    ]


def names_apart(bench: Bench) -> Row:
    """The awkward tree to WebP elsewhere, in the long form twice: names collide, and no result replaces another's."""
    tree, others = _tree(bench, "names-apart")
    root, output = Path(tree.root) / "in", bench.base / "names-out"
    expected = list(_expected(os.fspath(root)))
    losses: list[Loss] = []
    times = 2 if bench.long else 1
    for number in range(times):
        words = ["-o", os.fspath(output), "--format", "webp", "--also", "jpeg"]
        ran, outside = _run(bench, f"apart-{number}", words, root, [output])
        planned: dict[str, str] = {}
        for result in ran.results:
            for path in (result["optimized_path"], *(one["path"] for one in result.get("siblings", ()))):
                if path and path in planned:
                    losses.append(Loss("result", path, f"of {planned[path]!r} and of {result['original_path']!r}"))
                elif path:
                    planned[path] = result["original_path"]
        folded = {os.path.normcase(path).casefold() for path in planned}
        if len(folded) != len(planned):
            losses.append(Loss("result", "", "names that differ only in case"))
        losses += [*outside, *tree.losses(replaced=False, over=True, also=planned, folders=[os.fspath(output)])]
        losses += [*tree.bad_results(planned), *tree.unreported(ran.results, expected=expected)]
        losses += [Loss("result", path, "is not there") for path in planned if not os.path.isfile(path)]
        losses += _changed(others, _others(tree.root))
    return Row("awkward names to another format", f"{times} times", times * len(expected), losses)


def names(bench: Bench) -> list[Row]:
    """Both."""
    rows = [names_in_place(bench), names_apart(bench)]
    if STRACE is None:
        rows.append(Row("writes outside the output folder", "strace log", 0, note="strace is not installed"))
    return rows
