"""Pages made for printing: title, cards, tables and plain charts in one HTML file that needs nothing else.

No script and nothing from elsewhere; every text is escaped here, and charts can be read without colour. The paper's
size is the printer's: what stands here fits A4 and Letter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NewType
from unicodedata import east_asian_width

from components import words

Html = NewType("Html", str)  # only what is made here
Write = Callable[[float], str]  # how a figure of a chart is written

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # holds also for the file on somebody's disk
STYLE = """
@page { margin: 11mm 12mm }
* { box-sizing: border-box }
html { color-scheme: light; print-color-adjust: exact; -webkit-print-color-adjust: exact }
body { margin: 0 auto; max-width: 186mm; background: #fff; color: #111; overflow-wrap: anywhere;
  font: 8.5pt/1.32 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif }
h1 { font-size: 16pt; line-height: 1.15; margin: 0 0 1mm }
h2 { font-size: 9.5pt; margin: 0 0 1mm }
p { margin: 0 0 1mm }
section, header { margin-bottom: 2.6mm; break-inside: avoid }
.quiet, caption, footer { color: #444; font-size: 7.5pt }
.row { display: grid; grid-auto-columns: minmax(0, 1fr); grid-auto-flow: column; gap: 4mm }
.card { border: 0.3mm solid #999; border-radius: 1mm; padding: 1.5mm 2mm }
.card b { display: block; font-size: 13pt; line-height: 1.25 }
.card span { display: block; font-size: 7.5pt; color: #333 }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; padding-bottom: 0.5mm }
th, td { text-align: right; padding: 0.45mm 0 0.45mm 2mm; border-bottom: 0.2mm solid #bbb; vertical-align: top;
  font-weight: normal }
th:first-child { text-align: left; padding-left: 0 }
td, th + th { white-space: nowrap }
thead th { font-weight: bold; border-bottom: 0.4mm solid #111 }
svg { display: block; width: 100%; height: auto; font-size: 9px }
footer { border-top: 0.3mm solid #111; padding-top: 1mm; font-size: 6.5pt; line-height: 1.25 }
footer p { margin: 0 0 0.4mm }
.lines { border: 0.3mm solid #999; border-radius: 1mm; height: 21mm;
  background: repeating-linear-gradient(#fff 0 6.8mm, #ccc 6.8mm 7mm) }
@media screen { body { padding: 8mm 4mm } }
"""
NOW, BEFORE, GRID = "#123a63", "#777", "#ddd"


@dataclass(frozen=True)
class Card:
    """One figure: its label, the figure, and lines below it."""

    label: str
    figure: str
    notes: Sequence[str] = ()


def text(value: object, limit: int = 200) -> Html:
    """A text as it is, also one from data: no tag, no hidden character, and its direction changes nothing around it."""
    return Html(f"<bdi>{escape(words.visible(str(value), limit))}</bdi>")


def page(title: str, lead: Sequence[str], sections: Sequence[Html], foot: Sequence[str]) -> str:
    """The whole file. lead: lines below the title. foot: where the figures come from and what they mean."""
    name, said = escape(words.visible(title)), "".join(paragraph(line) for line in lead)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{text(title)}</h1>\n{said}</header>\n<main>\n{''.join(sections)}</main>\n"
        f"<footer>\n{''.join(f'<p>{text(line, 2_000)}</p>' for line in foot)}\n</footer>\n</body>\n</html>\n"
    )


def section(heading: str, *parts: Html) -> Html:
    """A part of the page that no page break divides."""
    return Html(f"<section>\n<h2>{text(heading)}</h2>\n{''.join(parts)}</section>\n")


def paragraph(line: str) -> Html:
    """A remark."""
    return Html(f'<p class="quiet">{text(line, 600)}</p>\n')


def beside(*parts: Html) -> Html:
    """Parts of a page in columns of one width."""
    return Html(f'<div class="row">\n{"".join(f"<div>{part}</div>" for part in parts)}</div>\n')


def cards(found: Sequence[Card]) -> Html:
    """Key figures in one row."""
    drawn = (
        f'<div class="card">{text(one.label)}<b>{text(one.figure)}</b>'
        f"{''.join(f'<span>{text(note)}</span>' for note in one.notes)}</div>\n"
        for one in found
    )
    return Html(f'<div class="row">\n{"".join(drawn)}</div>\n')


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", limit: int = 60) -> Html:
    """A table whose first column names the rows. limit: characters of a cell."""
    named = "".join(f'<th scope="col">{text(one, limit)}</th>' for one in head)
    body = "".join(
        f'<tr><th scope="row">{text(first, limit)}</th>{"".join(f"<td>{text(one, limit)}</td>" for one in rest)}</tr>\n'
        for first, *rest in rows
    )
    said = f"<caption>{text(caption)}</caption>\n" if caption else ""
    return Html(f"<table>\n{said}<thead>\n<tr>{named}</tr>\n</thead>\n<tbody>\n{body}</tbody>\n</table>\n")


def remarks(heading: str = "Remarks") -> Html:
    """Space to write into."""
    return section(heading, Html('<div class="lines"></div>\n'))


# Charts


def trend(
    labels: Sequence[str],
    now: Sequence[float],
    before: Sequence[float],
    names: tuple[str, str],
    write: Write,
    alt: str,
    height: int = 114,
) -> Html:
    """Figures as a line, those of an earlier time as a broken one. before: empty when there are none. 700 wide."""
    left, right, top, bottom = 56, 700, 14, height - 14
    steps = ticks(min(0.0, *now, *before), max(0.0, *now, *before))
    apart = (right - left) / max(len(labels), 1)

    def at(index: int, value: float) -> tuple[float, float]:
        part = (value - steps[0]) / (steps[-1] - steps[0])
        return left + apart * (index + 0.5), bottom - part * (bottom - top)

    drawn = [rule(left, at(0, step)[1], right, GRID) + label(left - 5, at(0, step)[1] + 3, write(step), "end")
             for step in steps]  # fmt: skip
    drawn += [label(at(place, 0)[0], height - 2, one, "middle") for place, one in enumerate(labels)]
    for values, colour, broken in ((before, BEFORE, ' stroke-dasharray="4 3"'), (now, NOW, "")):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(place, value) for place, value in enumerate(values)))
        if values:
            wide = 1.3 if broken else 2.2
            drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{wide}"{broken}/>')
    drawn += [
        f'<circle cx="{at(p, v)[0]:.1f}" cy="{at(p, v)[1]:.1f}" r="2.4" fill="{NOW}"/>' for p, v in enumerate(now)
    ]
    return picture(700, height, drawn + legend(left, names if before else names[:1]), alt)


def bars(
    labels: Sequence[str],
    now: Sequence[float],
    before: Sequence[float],
    names: tuple[str, str],
    write: Write,
    alt: str,
) -> Html:
    """A bar for each label, the earlier figure as an empty one below. before: empty when there are none. 340 wide."""
    left, right, step, top = 100, 290, 16, 15
    low, high = min(0.0, *now, *before), max(0.0, *now, *before)
    span = (high - low) or 1.0

    def bar(value: float, y: float, tall: float, look: str) -> str:
        start, end = sorted(left + (one - low) / span * (right - left) for one in (0.0, value))
        return f'<rect x="{start:.1f}" y="{y:.1f}" width="{end - start:.1f}" height="{tall}" {look}/>'

    drawn = []
    for place, (one, value) in enumerate(zip(labels, now, strict=True)):
        y = top + place * step
        drawn += [label(left - 5, y + 9, fitting(one, left - 5), "end"), bar(value, y + 1, 8, f'fill="{NOW}"')]
        if before:
            drawn.append(bar(before[place], y + 10, 3.5, f'fill="#fff" stroke="{BEFORE}" stroke-width="0.8"'))
        drawn.append(label(340, y + 9, write(value), "end"))
    return picture(340, top + step * len(labels), drawn + legend(left, names if before else names[:1]), alt)


def picture(width: int, height: int, drawn: Sequence[str], alt: str) -> Html:
    """An image with its text alternative."""
    said = escape(words.visible(alt, 1_000), quote=True)
    return Html(f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{said}">\n{"".join(drawn)}\n</svg>\n')


def legend(left: float, names: Sequence[str]) -> list[str]:
    """Which mark is which."""
    empty = f'fill="#fff" stroke="{BEFORE}" stroke-dasharray="4 3"'
    marks = (
        (f'<rect x="{left}" y="2" width="14" height="5" fill="{NOW}"/>', 18),
        (f'<rect x="{left + 112}" y="2.5" width="14" height="4" {empty}/>', 130),
    )
    return [mark + label(left + to, 8, name) for (mark, to), name in zip(marks, names)]


def label(x: float, y: float, said: str, anchor: str = "start") -> str:
    """A text in a picture."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words.visible(said, 60))}</text>'


def rule(x: float, y: float, to: float, colour: str) -> str:
    """A level line."""
    return f'<line x1="{x:.1f}" x2="{to:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}"/>'


def fitting(said: str, room: float) -> str:
    """As much of a text as surely fits: letters as wide as they may be in a sans serif of 9 px. room: pixels."""
    shown, used = words.visible(said), 0.0
    for place, one in enumerate(shown):
        wide = one in "MWmw@%" or east_asian_width(one) in "WF" or ord(one) > 0x24F
        used += 9 * (1.0 if wide else 0.75 if one.isupper() else 0.57)
        if used > room:
            return shown[: max(place - 2, 0)] + "…"
    return shown


def ticks(low: float, high: float) -> list[float]:
    """Up to five round figures with one distance, from at or below the lowest to at or above the highest."""
    span = (high - low) or 1.0
    scale = 10.0 ** math.floor(math.log10(span / 4))
    step = next(size * scale for size in (1, 2, 2.5, 5, 10, 20) if span / (size * scale) <= 3)
    first, last = math.floor(low / step + 1e-9), math.ceil((low + span) / step - 1e-9)
    return [number * step for number in range(first, last + 1)]
