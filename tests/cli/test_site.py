from __future__ import annotations

import importlib.util
import threading
import urllib.request
from http.server import ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from lmbook.book.site import build
from lmbook.cli.app import app


def lmbook(*arguments):
    return CliRunner().invoke(app, ["site", *arguments])


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A site that is there at once; gives what the build was asked for."""
    asked = []

    def build_site(chapters, folder, builder):
        asked.append((folder, builder))
        (folder / "site").mkdir(parents=True)
        (folder / "site" / "index.html").write_text("the home page", encoding="utf-8")
        return folder / "site", ["a warning"]

    monkeypatch.setattr(build, "build_site", build_site)
    monkeypatch.chdir(tmp_path)
    return asked


def test_it_says_where_the_site_is_and_what_sphinx_said(built, tmp_path):
    result = lmbook()
    assert result.exit_code == 0 and built == [(tmp_path / "build", "html")]
    assert "a warning" in result.stdout and "1 warning." in result.stdout
    assert (tmp_path / "build" / "site" / "index.html").as_uri() in result.stdout


def test_it_serves_the_site_on_this_machine_alone(built, monkeypatch):
    answers = []

    def one_request(server):
        host, port = server.server_address
        asking = threading.Thread(
            target=lambda: answers.append((host, urllib.request.urlopen(f"http://{host}:{port}/").read()))
        )
        asking.start()
        server.handle_request()
        asking.join()

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", one_request)
    with ThreadingHTTPServer(("127.0.0.1", 0), None) as free:
        port = free.server_address[1]
    result = lmbook("--serve", "--port", str(port))
    assert result.exit_code == 0 and answers == [("127.0.0.1", b"the home page")]


def test_a_port_that_is_taken_is_said(built):
    with ThreadingHTTPServer(("127.0.0.1", 0), None) as taken:
        result = lmbook("--serve", "--port", str(taken.server_address[1]))
    assert result.exit_code == 2 and "Choose another --port" in result.stderr


def test_only_pages_can_be_served(built):
    result = lmbook("--serve", "--builder", "epub")
    assert result.exit_code == 2 and "--serve" in result.stderr and built == []


def test_without_sphinx_it_says_how_to_get_it(monkeypatch, tmp_path):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "sphinx" else found(name))
    result = lmbook("--output", str(tmp_path))
    assert result.exit_code == 2 and "requirements-site.txt" in result.stderr
