"""A page as somebody else's parser reads it, and what no page of ours may hold."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr", "base", "area", "col", "embed", "source", "track", "wbr"}
ELEMENTS = {
    *(
        [
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "header",
            "nav",
            "section",
            "article",
            "div",
            "p",
            "span",
            "b",
            "a",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "br",
        ]
    ),
    *(
        [
            "ul",
            "ol",
            "li",
            "dl",
            "dt",
            "dd",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "details",
            "summary",
            "pre",
            "bdi",
        ]
    ),
    *(["svg", "defs", "pattern", "rect", "line", "text", "tspan"]),
}
ATTRIBUTES = {
    *(
        [
            "lang",
            "charset",
            "http-equiv",
            "content",
            "name",
            "data-name",
            "class",
            "id",
            "href",
            "scope",
            "colspan",
            "role",
            "aria-label",
            "aria-hidden",
            "focusable",
        ]
    ),
    *(["viewbox", "rx"]),
    *(["width", "height", "x", "y", "x1", "x2", "y1", "y2", "text-anchor", "patternunits", "patterntransform"]),
}
"""Closed lists: what is not on them is not ours."""


class Page(HTMLParser):
    """Elements in order with their attributes, text by element, and whether every element is closed where it should."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str], ...]]] = []
        self.stack: list[str] = []
        self.crossed: list[str] = []
        self.others: list[str] = []
        self.style = ""
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple((name, value or "") for name, value in attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple((name, value or "") for name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] == "style":
            self.style += data
        else:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    @property
    def text(self) -> str:
        """All text, spaces made equal."""
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def shape(self) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        """The structure: elements with the attributes that are not prose for a screen reader."""
        return [(tag, tuple(a for a in attrs if a[0] not in {"aria-label", "content"})) for tag, attrs in self.elements]

    def having(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """Attributes of the elements of a name that have all these."""
        found = [dict(attrs) for name, attrs in self.elements if name == tag]
        return [attrs for attrs in found if all(attrs.get(k.rstrip("_")) == v for k, v in wanted.items())]


def faults(html: str) -> list[str]:
    """Everything in a page that must not be there; empty for a page that is safe."""
    page = Page(html)
    found = [f"crossed </{tag}>" for tag in page.crossed] + [f"open <{tag}>" for tag in page.stack]
    found += [f"declaration or comment {other[:60]!r}" for other in page.others]
    ids = {value for _, attrs in page.elements for name, value in attrs if name == "id"}
    for tag, attrs in page.elements:
        if tag not in ELEMENTS:
            found.append(f"element <{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                found.append(f"attribute {name} of <{tag}>")
            if name == "href" and value.removeprefix("#") not in ids:
                found.append(f"link to {value[:60]!r}")
            if (
                name != "aria-label"
                and re.search(r"javascript:|data:|//|url\s*\(", value, re.IGNORECASE)
                and name != "content"
            ):
                found.append(f"address in {name}: {value[:60]!r}")
    policies = [
        attrs["content"] for attrs in page.having("meta") if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    if policies != [wanted_policy(page.style)]:
        found.append(f"policy {policies}")
    if re.search(r"@import|expression\s*\(|url\((?!#)", page.style, re.IGNORECASE):
        found.append("style sheet with an address")
    hidden = [c for c in html if not (c.isprintable() or c in "\n\u00a0\u202f")]
    if hidden:
        found.append(f"characters {sorted(set(hidden))[:5]!r}")
    return found


def wanted_policy(style: str) -> str:
    """The policy that a page with this style sheet must have."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; script-src 'none'; base-uri 'none'; form-action 'none'"
