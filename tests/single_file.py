"""Holds the program in one file to its promises, on a root without Python: python -m tests.single_file FILE

Makes a root of nothing but busybox and the C library (``apt install busybox-static``), puts FILE and some hundred
images into it, and runs the program there (``unshare``, ``chroot``): parallel, killed, from the dashboard, and where it
cannot be unpacked. Prints a line for each promise; the exit code is 1 when one is broken. Takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from engine.child import MODULE_OPTION, command, environment
from tests.terminal import on_terminal

IMAGES = 300
LATE = 120.0
"""Seconds until something that does not come has failed."""
LIBRARIES = ("libc", "libm", "libdl", "libpthread", "librt", "libutil", "libresolv", "libz")
"""The C library and zlib, which every system with glibc has; nothing else is put into the root."""
APPLETS = ("sh", "tail", "gzip", "tar", "wc", "mkdir", "mv", "rm", "uname", "readlink", "tr", "cat", "env", "ls")
PREPARE = """
for place in dev proc; do mount --rbind /$place "$1/$place"; done
mount -t tmpfs -o noexec tmpfs "$1/noexec" && mount -t tmpfs -o size=40m tmpfs "$1/small" || exit 99
exec chroot "$1" /bin/env -i PATH=/bin HOME=/home TERM=xterm-256color LC_ALL=C.UTF-8 /bin/sh -c "$2"
"""


class Root:
    """The root without Python."""

    def __init__(self, place: Path, file: Path) -> None:
        self.place = place
        for folder in ("bin", "home", "dev", "proc", "tmp", "noexec", "small"):
            (place / folder).mkdir(parents=True)
        shutil.copy(shutil.which("busybox") or sys.exit("needs busybox: apt install busybox-static"), place / "bin")
        for name in APPLETS:
            (place / "bin" / name).symlink_to("busybox")
        for path in self._libraries():
            to = place / path.relative_to("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
        shutil.copy(file, place / "bin" / "imgopt-tui")
        self.cache = place / "home/.cache/imgopt-tui"

    @staticmethod
    def _libraries() -> list[Path]:
        folder = Path(f"/lib/{platform.machine()}-linux-gnu")
        loaders = [path for place in ("/lib64", "/lib") for path in Path(place).glob("ld-linux*")]
        return loaders + [path for name in LIBRARIES for path in folder.glob(f"{name}.so.*")]

    def command(self, script: str) -> list[str]:
        """What runs a script of busybox's shell in there."""
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return ["unshare", *user, "--mount", "sh", "-c", PREPARE, "sh", str(self.place), script]

    def call(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(self.command(script), capture_output=True, text=True, timeout=LATE * 3, check=False)

    def processes(self, module: str = "") -> list[psutil.Process]:
        """Ours in there: those of a module, or all."""
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                ours = process.exe().startswith(str(self.cache.resolve()))
            except psutil.Error:
                continue
            if ours and (not module or words[1:3] == [MODULE_OPTION, module]):
                found.append(process)
        return found

    def written(self, folder: str) -> int:
        """Results in a folder so far."""
        return sum(path.is_file() and path.name[0] != "." for path in (self.place / folder).rglob("*"))


def wait(fact: Callable[[], object]) -> bool:
    """Whether it comes true."""
    end = time.monotonic() + LATE
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def starts(root: Root) -> str:
    """The first start unpacks, the second does not."""
    times = []
    for _ in range(2):
        began = time.monotonic()
        done = root.call("imgopt-tui --version")
        times.append(time.monotonic() - began)
        assert done.stdout.startswith("imgopt-tui "), done.stderr
    (folder,) = root.cache.iterdir()
    size = sum(path.lstat().st_size for path in folder.rglob("*"))
    return f"first {times[0]:.1f} s, then {times[1]:.1f} s; {size / 1e6:.0f} MB unpacked"


def batch(root: Root) -> str:
    """All images, several workers at a time; a command at the end sees nothing of our libraries."""
    script = "imgopt-tui run /images -o /out --json --on-finish 'cat > /told; env > /seen' > /result"
    began = time.monotonic()
    with subprocess.Popen(root.command(script), stderr=subprocess.PIPE, text=True) as run:
        most = 0
        while run.poll() is None:
            most = max(most, len(root.processes("engine.worker")))
            time.sleep(0.1)
        took = time.monotonic() - began
        assert run.stderr is not None
        said = run.stderr.read()
    summary = json.loads((root.place / "result").read_text())["summary"]
    assert (run.returncode, summary["failed"]) == (0, 0), said
    assert root.written("out") >= IMAGES, summary
    assert most > 1
    assert not root.processes()
    seen = (root.place / "seen").read_text()
    assert "LD_LIBRARY_PATH" not in seen, seen
    return f"{root.written('out')} results, {most} workers at a time, {took:.0f} s"


def killed(root: Root) -> str:
    """``kill -9`` of a run takes its workers along."""
    with subprocess.Popen(root.command("exec imgopt-tui run /images -o /killed"), stderr=subprocess.DEVNULL) as run:
        assert wait(lambda: root.written("killed") > 20)
        workers = root.processes("engine.worker")
        run.kill()
    assert workers
    assert wait(lambda: not root.processes())
    return f"{len(workers)} workers ended with it"


def detached(root: Root) -> str:
    """A run from the dashboard outlives it, in the same unpacked folder; ``kill -9`` of its runner ends its workers."""
    with on_terminal(*root.command("exec imgopt-tui /images -o /detached"), whole=True) as screen:
        screen.until_text("Files", seconds=LATE)
        screen.send("r")
        assert wait(lambda: root.written("detached") > 20), screen.text
        screen.process.kill()
    (runner,) = root.processes("engine.runner")
    before = root.written("detached")
    assert wait(lambda: root.written("detached") > before)
    listed = root.call("imgopt-tui ps").stdout
    assert str(runner.pid) in listed, listed
    assert {Path(process.exe()).parent for process in root.processes()} == set(root.cache.iterdir())
    runner.kill()
    assert wait(lambda: not root.processes())
    return f"went on alone, {root.written('detached')} results; its workers ended with it"


def leftovers(root: Root) -> str:
    """What a start killed while it unpacks leaves is removed by the next, with versions that nothing runs from."""
    shutil.rmtree(root.cache)
    old = root.cache / "0.0.1-0123456789abcdef"
    old.mkdir(parents=True)
    (old / "imgopt-tui").touch()
    with subprocess.Popen(root.command("exec /bin/imgopt-tui --version"), start_new_session=True) as start:
        assert wait(lambda: any(root.cache.glob(".unpacking-*/lib")))
        os.killpg(start.pid, signal.SIGKILL)
    assert list(root.cache.glob(".unpacking-*"))
    assert root.call("imgopt-tui --version").returncode == 0
    (folder,) = root.cache.iterdir()
    assert folder != old
    return "removed"


def sentences(root: Root) -> str:
    """Where it cannot be unpacked or started it says so in one sentence, and leaves nothing."""
    half = root.place / "bin" / "half"
    half.write_bytes((root.place / "bin" / "imgopt-tui").read_bytes()[:5_000_000])
    half.chmod(0o755)
    cases = {
        "IMGOPT_CACHE=/noexec imgopt-tui": "is mounted noexec",
        "IMGOPT_CACHE=/small imgopt-tui": "there is no room",
        "IMGOPT_CACHE=/proc/x imgopt-tui": "cannot be made",
        "IMGOPT_CACHE=/tmp half": "not complete",
        "env -u HOME imgopt-tui": "HOME is not set",
    }
    for script, words in cases.items():
        done = root.call(f"{script} --version; echo $?; ls -A /noexec /small /tmp")
        assert done.stdout.split() == ["1", "/noexec:", "/small:", "/tmp:"], (script, done)
        assert words in done.stderr, (script, done)
        assert done.stderr.count("\n") == 1, (script, done)
    for loader in root.place.glob("lib*/ld-linux*"):
        loader.unlink()
    done = root.call("IMGOPT_CACHE=/tmp imgopt-tui --version")
    assert "C library" in done.stderr, done
    return f"{len(cases) + 1} sentences"


PROMISES = (starts, batch, killed, detached, leftovers, sentences)


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold FILE to all promises."""
    parser = argparse.ArgumentParser(prog="tests.single_file", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    file = parser.parse_args(arguments).file
    print(f"{file.name}: {file.stat().st_size / 1e6:.0f} MB")
    broken = 0
    with tempfile.TemporaryDirectory(prefix="iot-") as folder:
        root = Root(Path(folder), file)
        maker = [*command("tui.demo_maker"), str(root.place / "images"), "--count", str(IMAGES)]
        subprocess.run(maker, env=environment(pixels=True), check=True)
        for promise in PROMISES:
            try:
                print(f"holds   {promise.__name__}: {promise(root)}", flush=True)
            except (AssertionError, ValueError, OSError) as error:
                broken += 1
                print(f"BROKEN  {promise.__name__}: {error!r}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
