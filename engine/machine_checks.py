"""What ``doctor`` says of the machine: CPUs, memory, the limits of this process, libvips and the packages.

Each check is a function of figures; ``machine_findings`` reads them.
"""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from engine import monitor
from engine.child import command, environment
from engine.extras import installed
from engine.finding import Finding, Level
from engine.report import human_bytes
from engine.workers import SAFE_LIBVIPS

__all__ = ["cpus", "libvips", "machine_findings", "memory", "open_files", "packages", "size_limits"]

LITTLE_MEMORY = 512 * 1024**2
"""Below this a photo of 24 megapixels is only done alone and slowly, or not at all."""
LOADERS_SECONDS = 60.0
_EXTRAS = {
    "oxipng": ("pyoxipng", "PNG gets less small, and --lossless is refused"),
    "mozjpeg_lossless_optimization": ("mozjpeg-lossless-optimization", "--lossless is refused"),
    "numpy": ("numpy", "--target-quality is refused"),
}
ALL = "pip install 'imgopt-tui[all]'"


def cpus(usable: float, host: int) -> Finding:
    """``usable``: by affinity and cgroup; ``host``: of the machine."""
    workers = monitor.default_workers(usable)
    limited = f" of {host}: affinity or a cgroup allows no more" if usable < host else ""
    level = Level.WARN if usable < 1 else Level.OK
    action = "raise the quota, or give -j 1" if usable < 1 else ""
    return Finding("cpus", level, f"{usable:g}{limited}; {workers} workers unless -j says otherwise", "", action)


def memory(limit: int, available: int, budget: int, source: str, kills: int) -> Finding:
    """``source``: ``cgroup`` or ``machine``; ``budget``: what a run may take; ``kills``: processes that the kernel has
    ended for lack of memory."""
    value = f"{human_bytes(limit)} ({source}), {human_bytes(available)} available; a run takes {human_bytes(budget)}"
    if limit < LITTLE_MEMORY:
        meaning = "large images are done alone, the largest are left waiting until nothing else runs, or fail"
        return Finding("memory", Level.WARN, value, meaning, "raise the limit to 512 MiB or more")
    if kills:
        meaning = f"the kernel has ended {kills} processes here for lack of memory, ours or others"
        return Finding("memory", Level.NOTE, value, meaning, "give --memory-limit if other programs share this limit")
    return Finding("memory", Level.OK, value)


def open_files(soft: int, most: int, wanted: int) -> Finding:
    """``soft``: open files allowed, −1: any number; ``most``: workers that it and the limit of processes allow."""
    value = f"{'no limit' if soft < 0 else soft} open files; room for {most} workers"
    if most < wanted:
        meaning = f"a run starts {most} workers instead of {wanted}"
        return Finding("ulimits", Level.WARN, value, meaning, "ulimit -n 1024, and ulimit -u higher")
    return Finding("ulimits", Level.OK, value)


def size_limits(address: int, file: int) -> Iterator[Finding]:
    """Limits that fail single images; −1: none."""
    if address >= 0:
        meaning = "libvips ends its process where it meets this limit: such images fail after a second try"
        yield Finding("ulimit -v", Level.WARN, human_bytes(address), meaning, "ulimit -v unlimited, and --memory-limit")
    if file >= 0:
        meaning = "no larger file can be written: such images fail"
        yield Finding("ulimit -f", Level.WARN, human_bytes(file), meaning, "ulimit -f unlimited")


def libvips(found: Mapping[str, Any] | None, problem: str = "") -> Finding:
    """``found``: what ``engine.loaders`` printed; None: it could not be had, because of ``problem``."""
    if found is None:
        meaning = "no image can be read or written"
        return Finding("libvips", Level.BAD, problem or "cannot be loaded", meaning, "pip install 'pyvips[binary]'")
    version = str(found["libvips"])
    broken = [name for name, works in found["formats"].items() if not works]
    works = ", ".join(name for name in found["formats"] if name not in broken)
    upgrade = "pip install --upgrade 'pyvips[binary]'"
    if tuple(map(int, version.split("."))) < SAFE_LIBVIPS:
        safe = ".".join(map(str, SAFE_LIBVIPS))
        meaning = f"its loaders have known flaws that damaged files can use; {safe} has not"
        return Finding("libvips", Level.WARN, f"{version}: {works}", meaning, upgrade)
    if broken:
        meaning = f"cannot be read and written here: {', '.join(broken)}"
        return Finding("libvips", Level.WARN, f"{version}: {works}", meaning, upgrade)
    return Finding("libvips", Level.OK, f"{version}, no known flaws; {works} can be read and written")


def packages(missing: Mapping[str, str]) -> Finding:
    """``missing``: package → what is not possible without it."""
    if not missing:
        return Finding("packages", Level.OK, "all of [all] are there")
    return Finding("packages", Level.NOTE, f"not there: {', '.join(missing)}", "; ".join(missing.values()), ALL)


def _asked_loaders() -> Finding:
    try:
        run = subprocess.run(
            command("engine.loaders"),
            env=environment(pixels=True),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LOADERS_SECONDS,
            check=False,
        )
        return libvips(json.loads(run.stdout)) if not run.returncode else libvips(None, _last_line(run.stderr))
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return libvips(None, f"a worker cannot be asked: {error}")


def _last_line(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "its process ended without a word"


def machine_findings(host_cpus: int) -> Iterator[Finding]:
    """Look; takes as long as loading libvips does."""
    usable = monitor.usable_cpus()
    yield cpus(usable, host_cpus)
    source = "cgroup" if monitor.Monitor().gauges().mem_source == "cg" else "machine"
    figures = monitor.memory_limit(), monitor.available_memory(), monitor.default_memory_limit()
    yield memory(*figures, source, monitor.oom_kills())
    soft = _limit(resource.RLIMIT_NOFILE)
    yield open_files(soft, monitor.most_workers(), monitor.default_workers(usable))
    yield from size_limits(_limit(resource.RLIMIT_AS), _limit(resource.RLIMIT_FSIZE))
    yield _asked_loaders()
    yield packages({name: without for module, (name, without) in _EXTRAS.items() if not installed(module)})


def _limit(which: int) -> int:
    """The soft limit; −1: none."""
    soft, _ = resource.getrlimit(which)
    return -1 if soft == resource.RLIM_INFINITY else soft
