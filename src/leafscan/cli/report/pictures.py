"""Plots as SVG that goes into a page: in the page's own colours, light and dark, and in its font."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["GRID", "INK", "MUTED", "PAPER", "SERIES", "Picture", "draw"]

#: Colours that stand for what the page's style sheet calls them, which knows light from dark.
INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
SERIES = tuple(f"#0501{place:02x}" for place in range(6))
_NAMES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    **{colour: f"series-{place}" for place, colour in enumerate(SERIES)},
}

#: Inches of 72 CSS pixels each: for wide screens, and for those of telephones.
_WIDE, _NARROW = (9.6, 4.2), (4.6, 4.2)

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A plot, drawn twice.

    Attributes
    ----------
    wide, narrow
        SVG elements, of which a page shows one.
    """

    wide: str
    narrow: str


def draw(name: str, title: str, description: str, plot: Callable[[Axes, bool], None]) -> Picture:
    """Draw a plot for wide screens and for narrow ones.

    Parameters
    ----------
    name
        A word for it, that no other plot of the page has.
    title
        What it is called.
    description
        What there is to see, for those who do not see it.
    plot
        Draws into axes; whether these are narrow is its second argument.

    Returns
    -------
    Picture
        With a title and a description each.
    """
    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": 12,
        "text.color": INK,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "legend.fontsize": 11,
    }
    drawn = []
    for narrow in (False, True):
        with matplotlib.rc_context(style):
            figure = Figure(figsize=_NARROW if narrow else _WIDE, layout="constrained", facecolor="none")
            plot(figure.add_subplot(), narrow)
            file = io.StringIO()
            figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        drawn.append(
            _inlined(file.getvalue(), f"{name}-{'narrow' if narrow else 'wide'}", title, description)
        )
    return Picture(wide=drawn[0], narrow=drawn[1])


def _inlined(svg: str, name: str, title: str, description: str) -> str:
    """Take what is of a file, not of a page, out of an SVG file."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(svg)
    width, height = root.attrib["viewBox"].split()[2:]
    for element in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(element)
    used = set(re.findall(r"url\(#([^)]+)\)", svg))
    for element in root.iter():
        link = element.attrib.pop(_LINK, None)
        if link is not None:
            used.add(link.removeprefix("#"))
            element.set("href", f"#{name}-{link.removeprefix('#')}")
    for element in root.iter():
        known = element.attrib.pop("id", None)
        if known in used:
            element.set("id", f"{name}-{known}")
    root.attrib.clear()
    root.attrib.update(
        {
            "viewBox": f"0 0 {width} {height}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-description",
        }
    )
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(
            f"{{{_SVG}}}{tag}", {"id": f"{name}-{'title' if tag == 'title' else 'description'}"}
        )
        element.text = text
        root.insert(place, element)
    text = ET.tostring(root, encoding="unicode").replace(f' xmlns="{_SVG}"', "")
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r"font: ([0-9.]+px) [^;\"]+", r"font: \1 system-ui, sans-serif", text)
    for colour, called in _NAMES.items():
        text = text.replace(colour, f"var(--{called})")
    return text
