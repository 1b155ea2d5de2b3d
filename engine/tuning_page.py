"""What was tuned as one HTML file to copy home: the ladder, and pieces of the picture, original and rungs, to flip.

Nothing is loaded from anywhere: pictures are PNGs inside it, its few lines of script too. Pure strings and bytes.
"""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.escape import escape
from engine.report import human_bytes
from engine.task import saved_percent
from engine.tuning import Pixels, Rung, Subject

__all__ = ["Shots", "png", "tuning_page"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"
"""What the page may load: what is in it."""
_STYLE = """
.shots button { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--rule);
  border-radius: 5px; padding: 2px 9px; margin: 0 4px 6px 0; cursor: pointer; }
.shots button.on { background: var(--main); color: var(--card); border-color: var(--main); }
.view { overflow: auto; border: 1px solid var(--rule); cursor: pointer; }
.view img { display: none; image-rendering: pixelated; max-width: none; }
.view img.on { display: block; }
tr.best td { font-weight: 600; }
"""
_SCRIPT = """
let zoom = 2;
for (const box of document.querySelectorAll(".shots")) {
  const images = [...box.querySelectorAll("img")], buttons = [...box.querySelectorAll("button")];
  let now = 0, result = Math.min(1, images.length - 1);
  const show = at => {
    now = at;
    if (at) result = at;
    images.forEach((one, i) => {
      one.className = i === at ? "on" : "";
      one.style.width = one.naturalWidth * zoom + "px";
      one.style.height = "auto";
    });
    buttons.forEach((one, i) => one.className = i === at ? "on" : "");
  };
  buttons.forEach((one, i) => one.onclick = () => show(i));
  box.querySelector(".view").onclick = () => show(now ? 0 : result);
  box.flip = () => show(now ? 0 : result);
  box.again = () => show(now);
  Promise.all(images.map(one => one.decode().catch(() => 0))).then(() => show(result));
}
addEventListener("keydown", event => {
  const boxes = document.querySelectorAll(".shots");
  if (event.key === "b" || event.key === " ") { boxes.forEach(box => box.flip()); event.preventDefault(); }
  if (event.key === "z") { zoom = zoom % 4 + 1; boxes.forEach(box => box.again()); }
});
"""


@dataclass(frozen=True, slots=True)
class Shots:
    """One place of the picture: as it was, and in some rungs."""

    name: str
    """Which place, for people."""
    original: Pixels
    results: Sequence[tuple[Rung, Pixels]]


def tuning_page(subject: Subject, rungs: Sequence[Rung], best: Rung | None, target: int, shots: Sequence[Shots]) -> str:
    """The whole page. ``rungs`` are the lines of the ladder, ``best`` the one that the target picks."""
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    name = _safe(Path(subject.path).name)
    facts = f"{subject.width} × {subject.height} px, {subject.colour}, {subject.format}, {human_bytes(subject.bytes)}"
    hint = "Click or press b to flip between the original and a result, z for the next scale."
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{name}</title>\n<style>\n{style}{_STYLE}</style></head>\n<body><main>\n"
        f'<header><h1>{name}</h1><p class="soft">{_safe(facts)}</p><p class="soft">{_safe(subject.path)}</p></header>\n'
        f"<section><h2>Ladder, target {target}</h2>{_ladder(subject, rungs, best)}</section>\n"
        + "\n".join(f"<section><h2>{_safe(one.name)}</h2>{_shots(one)}</section>" for one in shots)
        + f'\n<p class="soft">{hint}</p>\n</main>\n<script>{_SCRIPT}</script></body></html>\n'
    )


def _safe(text: str) -> str:
    return html.escape(escape(text))


def _label(rung: Rung) -> str:
    return f"{rung.format} {'lossless' if rung.lossless else rung.quality}"


def _ladder(subject: Subject, rungs: Sequence[Rung], best: Rung | None) -> str:
    heads = ("Encode", "Bytes", "Saved", "Score", "Worst place", "Time", "Note")
    top = "".join(f'<th class="{"name" if head in ("Encode", "Note") else "n"}">{head}</th>' for head in heads)
    rows = "".join(_row(subject, rung, rung == best) for rung in rungs if rung.made)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(subject: Subject, rung: Rung, best: bool) -> str:
    figures = (
        human_bytes(rung.bytes),
        f"{saved_percent(subject.bytes, rung.bytes):.1f} %",
        "" if rung.score is None else f"{rung.score:.1f}",
        "" if rung.worst is None else f"{rung.worst:.1f}",
        f"{rung.seconds:.2f} s",
    )
    cells = "".join(f'<td class="n">{figure}</td>' for figure in figures)
    note = f'<td class="name">{_safe(rung.note)}</td>'
    return f"<tr{' class=best' if best else ''}><td>{_safe(_label(rung))}</td>{cells}{note}</tr>"


def _shots(shots: Shots) -> str:
    pieces = [("original", shots.original), *((_described(rung), pixels) for rung, pixels in shots.results)]
    buttons = "".join(f"<button>{_safe(name)}</button>" for name, _ in pieces)
    images = "".join(
        f'<img alt="{_safe(name)}" width="{pixels.width}" height="{pixels.height}" '
        f'src="data:image/png;base64,{base64.b64encode(png(pixels)).decode("ascii")}">'
        for name, pixels in pieces
    )
    return f'<div class="shots">{buttons}<div class="view">{images}</div></div>'


def _described(rung: Rung) -> str:
    return f"{_label(rung)}, {human_bytes(rung.bytes)}" + ("" if rung.score is None else f", {rung.score:.1f}")


def png(pixels: Pixels) -> bytes:
    """The pixels as a PNG (https://www.w3.org/TR/png-3/): 8 bits, three colours, rows without a filter."""
    stride = pixels.width * 3
    rows = b"".join(b"\0" + pixels.rgb[row * stride : (row + 1) * stride] for row in range(pixels.height))
    header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
