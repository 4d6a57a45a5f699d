"""HTML and SVG elements with escaped texts and attributes."""

from __future__ import annotations

from html import escape

from kerasport.report.text import visible

_VOID = {"meta", "br"}


class Markup(str):
    """A piece of HTML; every other string is text, and is escaped."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: object) -> Markup:
    """An element.

    Args:
        tag: Its name.
        children: Pieces of markup, and texts; None for nothing.
        attributes: Its attributes, with "_" for "-" and at the end of Python's own words; those that are None are left
            out.
    """
    named = "".join(
        f' {name.strip("_").replace("_", "-")}="{escape(visible(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{named}>" if tag in _VOID else f"<{tag}{named}>{joined(*children)}</{tag}>")


def joined(*children: str | None) -> Markup:
    """Pieces of markup and texts one after another."""
    return Markup(
        "".join(child if isinstance(child, Markup) else escape(visible(child)) for child in children if child)
    )
