"""The colours of the diagrams, for a light and a dark page, and the style sheet that every diagram carries.

Three accents, after Okabe and Ito (https://jfly.uni-koeln.de/color/), so that readers with any colour vision can tell
them apart; a diagram never says something by colour alone. They mean the same everywhere: blue is what has weights
that are learned, orange what the picture is about, green what is carried along (a memory, a residual, a value).
"""

from __future__ import annotations

THEMES = {
    "light": {
        "paper": "#ffffff",
        "soft": "#f1f4f7",
        "ink": "#1d2630",
        "muted": "#53606d",
        "line": "#74808c",
        "blue": "#00629b",
        "orange": "#b04400",
        "green": "#00704f",
        "blue-tint": "#e1eff9",
        "orange-tint": "#fdebdd",
        "green-tint": "#dff3ea",
        "heat": "#56a5db",
    },
    "dark": {
        "paper": "#14181e",
        "soft": "#232a33",
        "ink": "#e8ebee",
        "muted": "#a8b2bd",
        "line": "#808c99",
        "blue": "#7cc3f3",
        "orange": "#f5a874",
        "green": "#66d1ab",
        "blue-tint": "#18344b",
        "orange-tint": "#482c19",
        "green-tint": "#143a2d",
        "heat": "#20608c",
    },
}

# The first families are those of the readers' systems, so that a diagram looks like the page around it.
FONTS = (
    '-apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans","Noto Sans",'
    '"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif'
)

# An `<img>` and a file of its own keep the wide layout, since their shape is fixed; inside a page, the svg is not the
# root of the document, and takes the narrow layout on a narrow screen.
LAYOUT = (
    ".lmd:not(:root){display:block;max-width:100%;height:auto;margin-inline:auto}"
    ".lmd text{font-family:" + FONTS + "}"
    ".lmd-two:not(:root){aspect-ratio:var(--lmd-wide)}"
    ".lmd-narrow{display:none}"
    "@media(max-width:600px){.lmd-two:not(:root){width:var(--lmd-width);aspect-ratio:var(--lmd-ratio)}"
    ".lmd-two:not(:root)>.lmd-wide{display:none}.lmd-two:not(:root)>.lmd-narrow{display:inline}}"
)


def style_sheet(fills: set[str], strokes: set[str]) -> str:
    """CSS of the colours that a diagram uses: light, dark where the system asks for it, and as the page's theme says.

    The colours are written out in each rule, because many programs that show SVG do not know CSS variables.
    """

    def rules(theme: str, scope: str) -> str:
        colours = THEMES[theme]
        found = [f"{scope} .f-{name}{{fill:{colours[name]}}}" for name in sorted(fills)]
        return "".join(found + [f"{scope} .s-{name}{{stroke:{colours[name]}}}" for name in sorted(strokes)])

    return "".join(
        [
            LAYOUT,
            rules("light", ".lmd"),
            "@media(prefers-color-scheme:dark){" + rules("dark", ".lmd") + "}",
            *(rules(theme, f"html[data-theme={theme}] .lmd") for theme in THEMES),
        ]
    )
