"""The picture's style sheet: one palette for light, one for dark, and the light one for paper.

Every text reaches a contrast of 4.5 to 1 on what it stands on. No meaning hangs on colour: lines, marks and words
differ too. Plain rules without variables, so that simple renderers show the light palette.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from danelaw.core.picture.graph import Look
from danelaw.core.picture.metrics import Style

_LIGHT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "page": "#ffffff",
        "panel": "#f6f8fa",
        "rim": "#d0d7de",
        "box": "#ffffff",
        "text": "#1f2328",
        "mute": "#57606a",
        "secure": "#116329",
        "insecure": "#7d4e00",
        "bogus": "#b91c26",
        "indeterminate": "#5e35a8",
        "aside": "#6e7781",
        "tint": "#ffebe9",
    }
)
_DARK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "page": "#0d1117",
        "panel": "#161b22",
        "rim": "#3d444d",
        "box": "#0d1117",
        "text": "#e6edf3",
        "mute": "#9da7b1",
        "secure": "#4ac26b",
        "insecure": "#e3b341",
        "bogus": "#ff8182",
        "indeterminate": "#c297ff",
        "aside": "#8b949e",
        "tint": "#2b1618",
    }
)

SANS: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
MONO: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"

LINES: Final = {
    Look.SECURE: "stroke-width:1.5",
    Look.INSECURE: "stroke-width:1.5;stroke-dasharray:7 4",
    Look.BOGUS: "stroke-width:3;stroke-dasharray:10 5",
    Look.INDETERMINATE: "stroke-width:2;stroke-dasharray:0.1 5;stroke-linecap:round",
    Look.ASIDE: "stroke-width:1;stroke-dasharray:2 3",
}
"""How lines are drawn, in either palette."""


def style_sheet() -> str:
    """CSS for the picture."""
    rules = [
        f"text{{font-family:{SANS}}}",
        *(_text(style) for style in Style),
        "path{fill:none}",
        *(f".{look.value}{{{line}}}" for look, line in LINES.items()),
        ".box.bogus,.panel.bogus{stroke-width:2}",
        ".mark{stroke-width:2;stroke-dasharray:none;stroke-linecap:round;stroke-linejoin:round}",
        ".head{stroke-dasharray:none;stroke-width:1.5;stroke-linejoin:round}",
        ".flag{stroke-width:0}",
        ".rim{stroke-width:1;stroke-dasharray:none}",
        *_colours(_LIGHT),
        f"@media (prefers-color-scheme:dark){{{''.join(_colours(_DARK))}}}",
        f"@media print{{{''.join(_colours(_LIGHT))}}}",
    ]
    return "\n".join(rules)


def _text(style: Style) -> str:
    weight = ";font-weight:600" if style.bold else ""
    family = f";font-family:{MONO}" if style.mono else ""
    return f".{style.css}{{font-size:{style.size:g}px{weight}{family}}}"


def _colours(palette: Mapping[str, str]) -> Iterator[str]:
    yield f"text{{fill:{palette['text']}}}"
    yield f"text.m{{fill:{palette['mute']}}}"
    yield f".page{{fill:{palette['page']}}}"
    yield f".panel{{fill:{palette['panel']}}}"
    yield f".box{{fill:{palette['box']}}}"
    yield f".tint{{fill:{palette['tint']}}}"
    for look in Look:
        colour = palette[look.value]
        yield f".{look.value}{{stroke:{colour}}}text.{look.value}{{fill:{colour};stroke:none}}"
        yield f".head.{look.value},.flag.{look.value}{{fill:{colour}}}"
    yield f".rim{{stroke:{palette['rim']}}}.hollow.head{{fill:{palette['box']}}}.open.head{{fill:none}}"
    yield f"path.mark.on{{stroke:{palette['page']}}}text.c.on{{fill:{palette['page']}}}"
