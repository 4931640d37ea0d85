"""The page for an address that does not exist: words for a person, where a program gets JSON."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from string import Template
from typing import Final

from flask import Request, Response


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of the page in one language."""

    language: str
    title: str
    text: str
    link: str


_WORDS: Final = {
    "en": _Words(
        "en",
        "There is no page at this address",
        "Check the address for a typing mistake, or start from the list of studies.",
        "Go to the studies",
    ),
    "pt": _Words(
        "pt-BR",
        "Não há página neste endereço",
        "Verifique se o endereço foi digitado corretamente ou comece pela lista de estudos.",
        "Ir para os estudos",
    ),
}

# Stands alone: it is shown when nothing else is found, and takes no script.
_PAGE: Final = Template(
    """<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta name="robots" content="noindex">
<title>$title</title>
<style>
body { display: grid; place-content: center; min-height: 100dvh; margin: 0; padding: 24px; box-sizing: border-box;
  background: #f4f6f7; color: #14202a; font: 14px/20px system-ui, sans-serif; text-align: center; }
main { display: grid; justify-items: center; gap: 12px; }
h1 { margin: 0; font-size: 24px; line-height: 32px; font-weight: 600; }
p { margin: 0; max-width: 460px; color: #51606b; }
a { display: inline-flex; align-items: center; min-height: 44px; margin-top: 12px; padding: 0 20px; border-radius: 6px;
  background: #0b7285; color: #fff; font-weight: 500; text-decoration: none; }
a:focus-visible { outline: 2px solid #0b7285; outline-offset: 2px; }
@media (prefers-color-scheme: dark) {
  body { background: #0d1012; color: #e8ecef; }
  p { color: #9fabb4; }
  a:focus-visible { outline-color: #3bc9db; }
}
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p>$text</p>
<a href="$root">$link</a>
</main>
</body>
</html>
"""
)


def wants_page(request: Request) -> bool:
    """Return whether the caller asks for a page: a browser that goes to an address does, a program does not."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def nowhere(request: Request) -> Response:
    """Return the page, in the language that the browser asks for."""
    language = request.accept_languages.best_match(list(_WORDS), default="en")
    words = _WORDS[language]
    # Relative: nobody tells the pages under which prefix a proxy shows them.
    root = "../" * (request.path.count("/") - 1) or "./"
    html = _PAGE.substitute(language=words.language, title=words.title, text=words.text, link=words.link, root=root)
    response = Response(html, status=HTTPStatus.NOT_FOUND, mimetype="text/html")
    response.vary.update(("Accept", "Accept-Language"))
    return response
