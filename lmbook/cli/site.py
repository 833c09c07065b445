"""`lmbook site`: the book as pages that a browser opens from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def site(
    output: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Where to build.")] = Path("build"),
    builder: Annotated[str, typer.Option("--builder", help="html, epub, gettext or linkcheck.")] = "html",
    serve: Annotated[bool, typer.Option("--serve", help="Then show it on this machine until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Where --serve listens.")] = 8000,
) -> None:
    """Build the book's site from the recorded notebooks; no lesson is run, and the network is not needed."""
    import time

    from lmbook.book.chapters import chapters_dir
    from lmbook.book.site.build import build_site
    from lmbook.errors import LmbookError

    if serve and builder != "html":
        raise LmbookError(f"--serve shows the pages of the builder html, not of {builder}.", "Leave one of them out.")
    print("Building the site …", flush=True)
    began = time.perf_counter()
    folder, warnings = build_site(chapters_dir(), output.resolve(), builder)
    for line in warnings:
        print(line)
    print(
        f"{folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder}: "
        f"{time.perf_counter() - began:.0f} s, {len(warnings) or 'no'} warning{'' if len(warnings) == 1 else 's'}."
    )
    if builder == "html":
        print(f"Open {(folder / 'index.html').as_uri()}")
    if serve:
        _serve(folder, port)


def _serve(folder: Path, port: int) -> None:
    """Serve `folder` on this machine alone."""
    import functools
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    from lmbook.errors import LmbookError

    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise LmbookError(f"Cannot listen on port {port}: {error.strerror}.", "Choose another --port.") from error
    with server:
        print(f"http://127.0.0.1:{port}/ shows it; Ctrl-C ends.", flush=True)
        server.serve_forever()
