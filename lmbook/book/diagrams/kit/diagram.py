"""The finished picture: one SVG with a wide and, where that would shrink too far, a narrow layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from lmbook.book.diagrams.kit.canvas import Canvas
from lmbook.book.diagrams.kit.palette import style_sheet
from lmbook.errors import LmbookError
from lmbook.files import write_text

PHONE = 360  # pixels that a page has on a phone
FITS = 458  # the widest layout whose smallest text, 14 pixels, still has 11 on a phone
WIDEST = 720  # of a page's column


@dataclass(frozen=True)
class Diagram:
    """A diagram; as the last value of a notebook's cell it is shown.

    Attributes:
        title: what it is, in a few words.
        alt: what it shows, in sentences, for readers who cannot see it.
        wide: the layout for a page's column.
        small: the layout for a phone, where it is another one.
    """

    title: str
    alt: str
    wide: Canvas
    small: Canvas | None = None

    @property
    def svg(self) -> str:
        """The picture as text: an SVG file, and what can be put into a page as it is.

        In a page (not in an `<img>`) it takes its narrow layout on narrow screens.
        """
        layouts = [self.wide] if self.small is None else [self.wide, self.small]
        areas = [layout.area() for layout in layouts]
        attributes = f'role="img" aria-label={quoteattr(f"{self.title}. {self.alt}")}'
        size = f'width="{areas[0].width}" height="{areas[0].height}"'
        if len(layouts) == 1:
            opening = f'<svg xmlns="http://www.w3.org/2000/svg" class="lmd" {size} {_view(areas[0])} {attributes}>'
            content = layouts[0].body()
        else:
            wide, small = areas
            variables = (
                f"--lmd-wide:{wide.width}/{wide.height};--lmd-width:{small.width}px;"
                f"--lmd-ratio:{small.width}/{small.height}"
            )
            opening = (
                f'<svg xmlns="http://www.w3.org/2000/svg" class="lmd lmd-two" {size} style="{variables}" {attributes}>'
            )
            content = "".join(
                f'<svg class="lmd-{name}" width="100%" height="100%" {_view(area)}{hidden}>{layout.body()}</svg>'
                for name, area, layout, hidden in zip(
                    ("wide", "narrow"), areas, layouts, ("", ' display="none"'), strict=True
                )
            )
        style = style_sheet(
            set().union(*(layout.fills for layout in layouts)), set().union(*(layout.strokes for layout in layouts))
        )
        return (
            f"{opening}<title>{escape(self.title)}</title><desc>{escape(self.alt)}</desc><style>{style}</style>"
            f"{content}</svg>\n"
        )

    @property
    def narrow(self) -> Diagram:
        """The narrow layout alone, for a page that chooses between two files."""
        return self if self.small is None else Diagram(self.title, self.alt, self.small)

    def save(self, path: str | Path) -> Path:
        """Write the picture as an `.svg` file; the same diagram gives the same bytes.

        Raises:
            LmbookError: the path ends in something else, or cannot be written.
        """
        if Path(path).suffix != ".svg":
            raise LmbookError(f"{path} is not the name of an SVG file.", "Let it end in .svg.")
        return write_text(path, self.svg)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"{self.title}. {self.alt}"


def fitted(title: str, alt: str, wide: Canvas, small: Canvas) -> Diagram:
    """Both layouts; the wide one alone where a phone can show it, the small one alone where a page cannot show it."""
    width = wide.area().width
    if width <= FITS:
        return Diagram(title, alt, wide)
    return Diagram(title, alt, wide, small) if width <= WIDEST else Diagram(title, alt, small)


def _view(area) -> str:
    return f'viewBox="{area.x} {area.y} {area.width} {area.height}"'
