"""Who may talk to the page's server, and what its answers allow the browser to do.

The server listens on the loopback interface, but every page in the user's browser can reach that too. Hence: the
``Host`` header must name this computer (against DNS rebinding), every request must carry the session's token (in the
address or, after the first visit, in a cookie), and requests that change something must come from the page itself.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from urllib.parse import urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1024  # the preview's requests have no body that matters

_LOCAL_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_SAFE_METHODS = frozenset({"GET", "HEAD"})

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_STRANGER_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.6 system-ui,sans-serif;max-width:30em;margin:20vh auto;padding:0 1.5em}
h1{font-size:1.3em;margin:0 0 .5em}
p{opacity:.8}
"""
_STRANGER_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>vcam</title>
<style>{style}</style>
<h1>This {what} is private</h1>
<p>Open the full address that vcam shows where it was started{elsewhere}.
It has a new key each time vcam starts.</p>
<p>Came here from that address? <a href="/">Continue to the {what}</a>.</p>
</html>
"""
_STRANGER_STYLE_HASH = base64.b64encode(hashlib.sha256(_STRANGER_STYLE.encode()).digest()).decode()
_STRANGER_POLICY = f"default-src 'none'; frame-ancestors 'none'; style-src 'sha256-{_STRANGER_STYLE_HASH}'"


class Guard:
    """ASGI middleware in front of everything. ``cookie`` must differ between servers: cookies ignore ports.
    ``what`` is what strangers hear the page called, and ``elsewhere`` says in HTML where else its address is shown.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        cookie: str,
        what: str,
        elsewhere: str = "",
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._app = app
        self._token = token
        self._cookie = cookie
        self._max_body_bytes = max_body_bytes
        self._what = what
        self._stranger_page = _STRANGER_PAGE.format(style=_STRANGER_STYLE, what=what, elsewhere=elsewhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that is not let through, or None."""
        host = request.headers.get("host", "")
        if not _LOCAL_HOST.fullmatch(host):
            return PlainTextResponse("This server only answers to localhost.\n", 400)
        if _has_large_body(request, self._max_body_bytes):
            return PlainTextResponse("The request is too large.\n", 413, {"connection": "close"})
        by_address = self._is_token(request.query_params.get("token"))
        by_cookie = self._is_token(request.cookies.get(self._cookie))
        if not (by_address or by_cookie):
            if request.url.path == "/":
                return HTMLResponse(self._stranger_page, 403, {"content-security-policy": _STRANGER_POLICY})
            return PlainTextResponse("The session's token is missing or wrong.\n", 403)
        if request.method not in _SAFE_METHODS and request.headers.get("origin") not in _own_origins(host):
            return PlainTextResponse(f"Only the {self._what}'s own page may do this.\n", 403)
        if request.url.path == "/" and "token" in request.query_params:
            return self._welcome(request)
        return None

    def _is_token(self, given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(errors="replace"), self._token.encode())

    def _welcome(self, request: Request) -> Response:
        """To the same page without the token in the address, where histories and shared screens would show it."""
        rest = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
        response = RedirectResponse("/?" + urlencode(rest) if rest else "/", 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return response


def _has_large_body(request: Request, limit: int) -> bool:
    if "transfer-encoding" in request.headers:
        return True
    length = request.headers.get("content-length", "0")
    return not (length.isascii() and length.isdigit()) or int(length) > limit


def _own_origins(host: str) -> tuple[str, str]:
    return f"http://{host.lower()}", f"https://{host.lower()}"
