from __future__ import annotations

import hashlib
import random
import socket
from pathlib import Path

import pytest

from lmbook.corpora.transfer import NotHeld, fetch, sha256_of
from lmbook.errors import LmbookError

DATA = random.Random(7).randbytes(700_000)


def get(server, target, data=DATA, **options):
    return fetch(f"{server.url}/file", target, size=len(data), sha256=hashlib.sha256(data).hexdigest(), **options)


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_the_bar_counts_its_bytes(server, tmp_path):
    server.files["file"] = DATA
    counted = []
    target = get(server, tmp_path / "deep" / "file", advance=counted.append)
    assert target.read_bytes() == DATA and sha256_of(target) == hashlib.sha256(DATA).hexdigest()
    assert sum(counted) == len(DATA)
    assert left_behind(target.parent) == ["file"]


def test_a_connection_dropped_in_the_middle_is_continued_there(server, tmp_path):
    server.files["file"] = DATA
    server.drop_after, server.drops = 300_000, 2
    counted = []
    assert get(server, tmp_path / "file", advance=counted.append).read_bytes() == DATA
    assert [wanted for _, wanted in server.requests] == [None, "bytes=300000-", "bytes=600000-"]
    assert sum(counted) == len(DATA)


def test_a_partial_file_of_an_earlier_call_is_continued(server, tmp_path):
    server.files["file"] = DATA
    (tmp_path / "file.part").write_bytes(DATA[:123_456])
    assert get(server, tmp_path / "file").read_bytes() == DATA
    assert server.requests == [("file", "bytes=123456-")]


def test_when_it_breaks_for_good_the_part_stays_for_the_next_call(server, tmp_path):
    server.files["file"] = DATA
    server.drop_after, server.drops = 200_000, 1
    server.statuses = []
    target = tmp_path / "file"
    with pytest.raises(LmbookError, match="200,000 of 700,000 bytes"):
        counted = []

        def advance(count):
            counted.append(count)
            if sum(counted) >= 200_000:
                server.drop_after, server.drops = 0, None  # from here on nothing comes

        get(server, target, advance=advance)
    assert left_behind(tmp_path) == ["file.part"]
    server.drop_after = None
    server.requests.clear()
    assert get(server, target).read_bytes() == DATA
    assert server.requests == [("file", "bytes=200000-")]


def test_a_server_that_ignores_range_sends_the_whole_file_once(server, tmp_path):
    server.files["file"] = DATA
    server.ignore_range = True
    (tmp_path / "file.part").write_bytes(DATA[:100_000])
    counted = []
    assert get(server, tmp_path / "file", advance=counted.append).read_bytes() == DATA
    assert len(server.requests) == 1 and sum(counted) == len(DATA)


@pytest.mark.parametrize(
    "old", [b"x" * 100_000, b"x" * len(DATA), b"x" * (len(DATA) + 5)], ids=["short", "same", "long"]
)
def test_a_part_of_something_else_is_thrown_away(server, tmp_path, old):
    server.files["file"] = DATA
    (tmp_path / "file.part").write_bytes(old)
    assert get(server, tmp_path / "file").read_bytes() == DATA


@pytest.mark.parametrize("chunked", [False, True])
def test_one_wrong_byte_is_refused_and_nothing_is_kept(server, tmp_path, chunked):
    wrong = bytearray(DATA)
    wrong[350_000] ^= 1
    server.files["file"] = bytes(wrong)
    server.chunked = chunked
    with pytest.raises(LmbookError, match="is not the expected file: its sha256 is"):
        get(server, tmp_path / "file")
    assert left_behind(tmp_path) == []


def test_a_file_of_another_size_is_refused_at_once(server, tmp_path):
    server.files["file"] = b"<html>Please log in to the network</html>"
    with pytest.raises(LmbookError, match="has 41 bytes, not 700,000"):
        get(server, tmp_path / "file")
    assert len(server.requests) == 1 and left_behind(tmp_path) == []


def test_404_is_told_from_other_failures(server, tmp_path):
    with pytest.raises(NotHeld, match="does not exist .the server answers 404"):
        get(server, tmp_path / "file")
    assert len(server.requests) == 1 and left_behind(tmp_path) == []


def test_500_is_tried_again_and_then_reported(server, tmp_path):
    server.files["file"] = DATA
    server.statuses = [500] * 20
    with pytest.raises(LmbookError, match="500 Internal Server Error; 0 of 700,000 bytes"):
        get(server, tmp_path / "file")
    server.statuses = [503, 500]
    assert get(server, tmp_path / "file").read_bytes() == DATA


def test_403_is_reported_without_another_attempt(server, tmp_path):
    server.statuses = [403]
    with pytest.raises(LmbookError, match="answers 403 Forbidden"):
        get(server, tmp_path / "file")
    assert len(server.requests) == 1


def test_no_network_names_the_host_and_the_ways_out(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(LmbookError, match=f"No connection to 127.0.0.1:{port}.*LMBOOK_MIRROR.*greentree"):
        fetch(f"http://127.0.0.1:{port}/file", tmp_path / "file", size=1, sha256="0")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_named_and_nothing_is_kept(server, tmp_path):
    server.files["file"] = DATA
    (tmp_path / "file.part").symlink_to("/dev/full")
    with pytest.raises(LmbookError, match="No space left.*LMBOOK_HOME"):
        get(server, tmp_path / "file")
    assert left_behind(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_named(server, tmp_path):
    server.files["file"] = DATA
    (tmp_path / "blocked").write_text("a file where a folder is needed")
    with pytest.raises(LmbookError, match="Cannot write .*blocked.*LMBOOK_HOME"):
        get(server, tmp_path / "blocked" / "file")
