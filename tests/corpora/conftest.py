"""A file server that misbehaves on demand, an empty cache, and a catalogue with one made-up data set."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from lmbook.corpora import card as card_module
from lmbook.corpora import transfer
from lmbook.corpora.card import Card, CardFile


class FileServer:
    """Serves `files` (path -> bytes) on 127.0.0.1, and counts what was asked for.

    Args of a test:
        drop_after: the connection breaks after that many bytes of each answer; `drops` says how often (None: always).
        ignore_range: answers 200 with the whole file to every request.
        statuses: codes to answer with first, one a request.
        chunked: gives no Content-Length.
    """

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.drop_after: int | None = None
        self.drops: int | None = None
        self.ignore_range = False
        self.statuses: list[int] = []
        self.chunked = False
        self.requests: list[tuple[str, str | None]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                path, wanted = unquote(self.path).lstrip("/"), self.headers.get("Range")
                outer.requests.append((path, wanted))
                if outer.statuses:
                    self.send_error(outer.statuses.pop(0))
                elif path not in outer.files:
                    self.send_error(404)
                else:
                    self._send(outer.files[path], wanted)

            def _send(self, data, wanted):
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and not outer.ignore_range else 0
                if start >= len(data):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
                body = data[start:]
                if not outer.chunked:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if outer.drop_after is not None and outer.drops != 0:
                    outer.drops = None if outer.drops is None else outer.drops - 1
                    body = body[: outer.drop_after]
                self.wfile.write(body)
                self.close_connection = True

        return Handler


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(transfer, "WAIT_SECONDS", 0.0)
    made = FileServer()
    yield made
    made.close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty cache, and no mirror."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LMBOOK_HOME", str(folder))
    monkeypatch.delenv("LMBOOK_MIRROR", raising=False)
    return folder


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_card(name: str, base: str, files: dict[str, bytes], **fields) -> Card:
    """A card of the kind "download" for `files`, addressed below `base`; archives (.zip) are to be unpacked."""
    listed = tuple(
        CardFile(path, len(data), checksum(data), f"{base}/{path}", path.endswith(".zip"))
        for path, data in files.items()
    )
    values = {
        "title": name,
        "kind": "download",
        "task": "language_modelling",
        "language": "en",
        "bytes": sum(map(len, files.values())),
        "examples": 1,
        "unit": "documents",
        "splits": {"train": 1},
        "left_out": 0,
        "split_rule": "none",
        "licence": "public domain",
        "attribution": "nobody",
        "citation": "none",
        "source": base,
        "tried_from_here": True,
        "loader": "loaders.language:tiny_shakespeare",
        "notes": "",
        "files": listed,
        "repacked": (),
        "package": None,
    }
    return Card(name=name, **(values | fields))


@pytest.fixture
def catalogue(monkeypatch):
    """A function that puts cards in the place of the catalogue's."""

    def put(*cards: Card) -> None:
        by_name = {card.name: card for card in cards}
        monkeypatch.setattr(card_module, "_all_cards", lambda: by_name)

    return put


@pytest.fixture
def new_card():
    return make_card
