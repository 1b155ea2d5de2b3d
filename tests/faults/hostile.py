"""Hostile files: whatever they hold, they come out as they were or as a whole picture, and no run ends over them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

from engine.formats import OTHER_IMAGES
from tests.corpus import CORPUS
from tests.faults.broken import break_all
from tests.faults.oracle import Loss, Tree, bad_words, digest
from tests.faults.running import Ran, run_whole
from tests.faults.table import Bench, Row

DATA = Path(__file__).resolve().parents[1] / "data"
ANIMATED = ("pillow-tests__dispose_bgnd.gif", "sharp-fixtures__animated-loop-3.webp")
AVIF = "avif-linku__plum-blossom-small.profile0.8bpc.yuv420.alpha-limited.monochrome.avif"
MAGIC = {b"\xff\xd8": ".jpg", b"\x89PN": ".png", b"GIF": ".gif", b"RIF": ".webp", b"II*": ".tif", b"MM\0": ".tif"}
KNOWN = frozenset((".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff", ".avif", *OTHER_IMAGES))
"""Extensions that a run looks at; others get one of these."""
SECONDS = 600.0


def corpus(folder: Path) -> int:
    """Copies of the shared hostile images, with an extension that makes a run look at each; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for source in (path for name in ("hostile", "hostile_synth") for path in sorted((CORPUS / name).glob("*"))):
        if source.is_file():
            extension = source.suffix.lower()
            start = source.read_bytes()[:3]
            more = "" if extension in KNOWN else MAGIC.get(start) or MAGIC.get(start[:2], ".png")
            shutil.copyfile(source, folder / f"{count:03}-{source.name}{more}")
            count += 1
    return count


def _animated_png(samples: list[Path], path: Path) -> Path:
    """Three frames, by Pillow."""
    from PIL import Image

    first, *rest = (Image.open(sample).convert("RGB") for sample in samples[:3])
    first.save(path, save_all=True, append_images=rest, duration=80)
    return path


def generated(folder: Path, sources: list[Path], *, each: int, seed: int) -> list[str]:
    """Files broken by the suite itself; returns the paths of those that were cut short."""
    whole = [*sources, *(DATA / name for name in (*ANIMATED, AVIF))]
    whole.append(_animated_png(sources, folder.parent.parent / "animated.png"))
    made = break_all(whole, folder, each=each, seed=seed)
    return [os.fspath(one.path) for one in made if one.damage == "truncated"]


def in_place(tree: Tree, state: Path, truncated: list[str]) -> tuple[Ran, list[Loss]]:
    """Run over a tree of hostile files in place; what is wrong afterwards."""
    words = ["run", tree.root, "--in-place", "--json", "--workers", "2", "--timeout", "20"]
    try:
        ran = run_whole(words, state, seconds=SECONDS)
    except subprocess.TimeoutExpired:
        return Ran([], []), [Loss("hang", tree.root, "the run did not end")]
    found = [*tree.losses(replaced=True, over=True), *tree.unreported(ran.results), *tree.untold(ran.results)]
    found += bad_words("\n".join(ran.lines))
    if ran.code not in (0, 1):
        found.append(Loss("report", tree.root, f"exit code {ran.code}: {ran.lines[-3:]}"))
    for path in truncated:
        if digest(path) != tree.before[path].digest:
            found.append(Loss("damaged", path, "a file that ends early was replaced"))
    return ran, found


def apart(tree: Tree, output: Path, state: Path) -> tuple[Ran, list[Loss]]:
    """Run over the same tree into another format elsewhere."""
    words = ["run", tree.root, "-o", os.fspath(output), "--format", "webp", "--json", "--workers", "2"]
    try:
        ran = run_whole([*words, "--timeout", "20"], state, seconds=SECONDS)
    except subprocess.TimeoutExpired:
        return Ran([], []), [Loss("hang", tree.root, "the run did not end")]
    planned = {str(one["optimized_path"]): str(one["original_path"]) for one in ran.results if one["optimized_path"]}
    found = tree.losses(replaced=False, over=True, also=planned, folders=[os.fspath(output)])
    found += [*tree.bad_results(planned), *tree.unreported(ran.results), *bad_words("\n".join(ran.lines))]
    return ran, found


def _note(ran: Ran) -> str:
    ends = Counter(str(result["status"]) for result in ran.results)
    died = sum(bool(re.search(r"worker died|took longer", str(result["reason"]))) for result in ran.results)
    return ", ".join(f"{count} {status}" for status, count in sorted(ends.items())) + f", {died} cost their worker"


def hostile(bench: Bench) -> list[Row]:
    """The shared corpus where it is there, and generated files."""
    rows = []
    root, state = bench.folder("in"), bench.base / "s"
    count = corpus(root / "corpus") if CORPUS.is_dir() and bench.long else 0
    seeds = range(bench.seed, bench.seed + (3 if bench.long else 1))
    sources = bench.samples(7)[:3] + bench.samples(7)[4:7:2]
    truncated: list[str] = []
    for seed in seeds:
        truncated += generated(root / f"seed-{seed}", sources, each=8 if bench.long else 1, seed=seed)
    made = sum(path.is_file() for path in root.rglob("*")) - count
    tree = Tree(root, bench.base / "pristine", bench.judge)
    injected = f"{count} shared and {made} generated broken files"
    ran, losses = apart(tree, bench.base / "out", state)
    rows.append(Row("hostile files, to WebP in another folder", injected, count + made, losses, _note(ran)))
    ran, losses = in_place(tree, state, truncated)
    rows.append(Row("hostile files in place", injected, count + made, losses, _note(ran)))
    if not count:
        note = f"the corpus is not at {CORPUS}" if bench.long else "only in the long form"
        rows.append(Row("shared hostile corpus", "each file in place", 0, note=note))
    return rows
