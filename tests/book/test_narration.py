"""What `lmbook run` shows in a terminal and in a pipe."""

from __future__ import annotations

import io
import sys
import time

import pytest

from lmbook.book import narration
from lmbook.book.chapters import LessonFile, read_header
from lmbook.book.narration import run_narrated

SOURCE = """# %% [markdown]
# # A small lesson
#
# - Minutes: quick 1, full 2
# - Memory: 1 GB
# - Shows: what is shown

# %%
from __future__ import annotations

import inspect

print("first words")

# %% [markdown]
# ## The idea
#
# Prose stays on the page.

# %%
def f(x: NotDefinedAnywhere):
    return x + 1

assert inspect.getsource(f).startswith("def f(x")
assert __name__ == "__main__"
print("f(1) =", f(1))

# %% [markdown]
# ## The end
"""


@pytest.fixture
def run(tmp_path):
    def run(source):
        path = tmp_path / "small.py"
        path.write_text(source, encoding="utf-8")
        run_narrated(LessonFile("small", path, read_header(source)))

    return run


def test_it_says_what_is_coming_and_shows_each_heading_when_it_is_reached(run, capsys):
    before = sys.modules["__main__"], sys.stdout
    run(SOURCE)
    told = capsys.readouterr().out
    opening, rest = told.split("Loading TensorFlow", 1)
    assert opening.startswith("A small lesson\nwhat is shown\nMinutes: quick 1, full 2. Memory: 1 GB.")
    assert "1. The idea" in opening and "2. The end" in opening and "Prose" not in told
    places = [rest.index(text) for text in ("first words", "1. The idea", "f(1) = 2", "2. The end")]
    assert places == sorted(places)
    assert (sys.modules["__main__"], sys.stdout) == before


def test_an_error_stands_at_its_own_line(run):
    with pytest.raises(ZeroDivisionError) as caught:
        run(SOURCE + "\n# %%\n1 / 0\n")
    last = caught.traceback[-1]
    assert last.path.name == "small.py" and last.lineno + 1 == len(SOURCE.splitlines()) + 3


@pytest.mark.parametrize(("terminal", "sign"), [(True, "\r\x1b[K… working"), (False, "working")])
def test_a_silence_is_broken_and_the_sign_cleared_away(monkeypatch, terminal, sign):
    monkeypatch.setattr(narration, "SILENCE", 0.0)
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    watched = narration._Watched(stream)
    watched.write("before\n")
    time.sleep(0.01)
    watched.pulse()
    watched.write("after\n")
    told = stream.getvalue()
    assert sign in told and told.endswith(("\r\x1b[K" if terminal else "\n") + "after\n")
    assert told.startswith("before\n")
