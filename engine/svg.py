"""Pictures of figures as inline SVG. Colours and strokes come from the style sheet (``report.css``) by class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.axes import Axis

__all__ = ["Plot"]

WIDTH = 760
LEFT, RIGHT, TOP, BOTTOM = 70, 24, 10, 26
"""Room for the numbers on the axes, in the unit of ``WIDTH``."""


class Plot:
    """A frame with two axes, to be drawn into."""

    def __init__(self, name: str, x: Axis, y: Axis, height: int = 220, *, lines: bool = True) -> None:
        """``name`` says what the picture shows, to those who hear it; ``lines``: whether there are lines at the
        numbers of ``y``."""
        self._name = name
        self._x, self._y = x, y
        self._height = height
        self._parts: list[str] = []
        self._frame(lines)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = LEFT + self._x.share(x) * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(self._height - BOTTOM - self._y.share(y) * (self._height - BOTTOM - TOP), 1)

    def _frame(self, lines: bool) -> None:
        base = self._height - BOTTOM
        for tick in self._x.ticks:
            across = self._place(tick, self._y.low)[0]
            self._parts.append(f'<path class="tick" d="M{across} {base}v4"/>')
            self._text(across, base + 17, self._x.show(tick), "middle")
        for tick in self._y.ticks if lines else ():
            down = self._place(self._x.low, tick)[1]
            self._parts.append(f'<path class="grid" d="M{LEFT} {down}H{WIDTH - RIGHT}"/>')
            self._text(LEFT - 8, down + 4, self._y.show(tick), "end")
        self._parts.append(f'<path class="axis" d="M{LEFT} {base}H{WIDTH - RIGHT}"/>')

    def _text(self, x: float, y: float, text: str, anchor: str) -> None:
        self._parts.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>')

    def line(self, points: Sequence[tuple[float, float]], kind: str, *, filled: bool = False) -> None:
        """A line through points, with the area below it when ``filled``; nothing for fewer than two."""
        if len(points) < 2:
            return
        placed = [self._place(*point) for point in points]
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in placed)
        if filled:
            base = self._height - BOTTOM
            self._parts.append(f'<path class="area {kind}" d="{path}V{base}H{placed[0][0]:g}Z"/>')
        self._parts.append(f'<path class="line {kind}" d="{path}"/>')

    def level(self, y: float, kind: str, text: str) -> None:
        """A line across, with a word on it."""
        down = self._place(self._x.low, y)[1]
        self._parts.append(f'<path class="level {kind}" d="M{LEFT} {down:g}H{WIDTH - RIGHT}"/>')
        self._text(WIDTH - RIGHT, down - 4 if down > TOP + 12 else down + 13, text, "end")

    def dots(self, points: Iterable[tuple[float, float, str]], kind: str) -> None:
        """A dot for each; the third of each is said when the pointer rests on it."""
        for x, y, title in points:
            across, down = self._place(x, y)
            said = f"<title>{escape(title)}</title>"
            self._parts.append(f'<circle class="{kind}" cx="{across:g}" cy="{down:g}" r="3">{said}</circle>')

    def bar(self, begin: float, end: float, top: float, thick: float, kind: str, title: str) -> None:
        """A bar along ``x``; ``top`` and ``thick`` in the unit of the frame's height, from its upper end."""
        across, _ = self._place(begin, self._y.low)
        wide = max(1.0, self._place(end, self._y.low)[0] - across)
        shape = f'x="{across:g}" y="{TOP + top:.4g}" width="{wide:.4g}" height="{max(0.4, thick):.3g}"'
        self._parts.append(f'<rect class="{kind}" {shape}><title>{escape(title)}</title></rect>')

    @property
    def room(self) -> float:
        """Height inside the frame."""
        return self._height - TOP - BOTTOM

    def svg(self) -> str:
        """The picture."""
        head = f'<svg viewBox="0 0 {WIDTH} {self._height}" role="img" aria-label="{escape(self._name)}">'
        return head + "".join(self._parts) + "</svg>"
