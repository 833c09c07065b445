from __future__ import annotations

import gzip
import io
import random
import shutil
import zipfile
from collections import namedtuple

import pytest

from lmbook.corpora import download
from lmbook.corpora.card import Repacked
from lmbook.corpora.download import get, status, verify
from lmbook.errors import LmbookError

TEXT = random.Random(1).randbytes(50_000)


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def everything_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def two_files(server, home, catalogue, new_card):
    """A data set of a text and an archive, on the server."""
    files = {"a.txt": TEXT, "more.zip": zipped({"in/b.txt": b"bee", "c.txt": b"sea"})}
    server.files.update({f"up/{name}": data for name, data in files.items()})
    catalogue(new_card("two", f"{server.url}/up", files))
    return home / "corpora" / "two"


def test_get_downloads_checks_and_unpacks(two_files, server):
    assert status("two") == "missing"
    paths = get("two", progress=False)
    assert paths == [two_files / "a.txt", two_files / "more.zip"] and paths[0].read_bytes() == TEXT
    assert everything_in(two_files) == ["a.txt", "more.zip", "more/c.txt", "more/in/b.txt"]
    assert status("two") == "available"
    assert verify("two") == [("a.txt", True, "ok"), ("more.zip", True, "ok"), ("more/", True, "ok")]
    before = len(server.requests)
    get("two", progress=False)
    assert len(server.requests) == before  # the second time comes from the cache


def test_progress_bar_goes_to_standard_error(two_files, capsys):
    get("two")
    captured = capsys.readouterr()
    assert captured.out == "" and "two" in captured.err


def test_damage_in_the_cache_is_found_and_mended(two_files):
    get("two", progress=False)
    wrong = bytearray(TEXT)
    wrong[0] ^= 1
    (two_files / "a.txt").write_bytes(wrong)
    (two_files / "more" / "c.txt").write_bytes(b"lake")
    rows = dict((name, (right, message)) for name, right, message in verify("two"))
    assert not rows["a.txt"][0] and "sha256" in rows["a.txt"][1] and "lmbook data get two" in rows["a.txt"][1]
    assert rows["more.zip"][0] and not rows["more/"][0] and "c.txt" in rows["more/"][1]
    get("two", progress=False)
    assert all(right for _, right, _ in verify("two"))


def test_verify_names_missing_and_short_files(two_files):
    get("two", progress=False)
    (two_files / "a.txt").write_bytes(TEXT[:10])
    (two_files / "more.zip").unlink()
    rows = {name: message for name, _, message in verify("two")}
    assert rows["a.txt"].startswith("10 bytes instead of 50,000") and rows["more.zip"].startswith("missing")
    assert status("two") == "missing"


def test_an_interrupted_get_is_partial_and_the_next_one_completes_it(two_files, server):
    del server.files["up/more.zip"]
    with pytest.raises(LmbookError, match="does not exist"):
        get("two", progress=False)
    assert status("two") == "partial"
    server.files["up/more.zip"] = zipped({"in/b.txt": b"bee", "c.txt": b"sea"})
    get("two", progress=False)
    assert status("two") == "available"


def test_a_zip_that_tries_to_escape_is_refused(server, home, catalogue, new_card):
    files = {"evil.zip": zipped({"fine.txt": b"x", "../../outside.txt": b"gotcha"})}
    server.files.update({f"up/{name}": data for name, data in files.items()})
    catalogue(new_card("evil", f"{server.url}/up", files))
    with pytest.raises(LmbookError, match="could lead out of its folder"):
        get("evil", progress=False)
    assert everything_in(home) == ["corpora/evil/evil.zip"]


def test_many_small_files(server, home, catalogue, new_card):
    files = {f"wav/{number}.wav": str(number).encode() * 50 for number in range(40)}
    server.files.update({f"up/{name}": data for name, data in files.items()})
    catalogue(new_card("many", f"{server.url}/up", files))
    assert [path.read_bytes() for path in get("many", progress=False)] == list(files.values())


def test_no_space_is_seen_before_the_download(two_files, server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda place: usage(100, 90, 10))
    with pytest.raises(LmbookError, match="No space: .* bytes are needed.*10 are free"):
        get("two", progress=False)
    assert server.requests == [] and not two_files.exists()


def test_unknown_names_offer_the_nearest(home):
    for function in (get, status, verify):
        with pytest.raises(LmbookError, match='no data set "tiny_shakespere".*Did you mean "tiny_shakespeare"'):
            function("tiny_shakespere")
    with pytest.raises(LmbookError, match='Did you mean "stories260K"'):
        get("Stories260k")
    with pytest.raises(LmbookError, match="built in"):
        get("greentree")
    with pytest.raises(LmbookError, match="lmbook data list") as error:
        get("../../etc/passwd")
    assert "Did you mean" not in str(error.value)


def mirror_tree(folder, files):
    for name, data in files.items():
        path = folder / "packed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def packed(server, home, catalogue, new_card, tmp_path):
    """A data set that the mirror holds packed (a gz, and a zip of two), and upstream as three files."""
    upstream = {"story.txt": b"once " * 500, "wav/1.wav": b"one" * 99, "wav/2.wav": b"two" * 99}
    in_mirror = {
        "story.txt.gz": gzip.compress(upstream["story.txt"], mtime=0),
        "wav.zip": zipped({name: upstream[name] for name in ("wav/1.wav", "wav/2.wav")}),
    }
    server.files.update({f"up/{name}": data for name, data in upstream.items()})
    card = new_card("packed", f"{server.url}/up", upstream)
    checksums = {name: new_card("x", "", {name: data}).files[0] for name, data in in_mirror.items()}
    repacked = tuple(
        Repacked(name, checksums[name].bytes, checksums[name].sha256, packing, gives)
        for name, packing, gives in (
            ("story.txt.gz", "gz", ("story.txt",)),
            ("wav.zip", "zip", ("wav/1.wav", "wav/2.wav")),
        )
    )
    catalogue(new_card("packed", f"{server.url}/up", upstream, repacked=repacked))
    assert card.repacked == ()
    return upstream, mirror_tree(tmp_path / "mirror", in_mirror)


def check_packed(home, upstream):
    assert [path.read_bytes() for path in get("packed", progress=False)] == list(upstream.values())
    assert everything_in(home / "corpora") == sorted(f"packed/{name}" for name in upstream)  # no packed file is left
    assert all(right for _, right, _ in verify("packed"))


def test_a_mirror_folder_with_packed_files(packed, home, server, monkeypatch):
    upstream, mirror = packed
    monkeypatch.setenv("LMBOOK_MIRROR", str(mirror))
    check_packed(home, upstream)
    assert server.requests == []


def test_a_mirror_address_with_packed_files(packed, home, server, monkeypatch):
    upstream, mirror = packed
    server.files = {f"m/{name}": (mirror / name).read_bytes() for name in everything_in(mirror)}
    monkeypatch.setenv("LMBOOK_MIRROR", f"{server.url}/m/")
    check_packed(home, upstream)
    assert sorted(path for path, _ in server.requests) == ["m/packed/story.txt.gz", "m/packed/wav.zip"]


@pytest.mark.parametrize("over_http", [False, True])
def test_a_copy_of_a_cache_is_a_mirror(packed, home, server, tmp_path, monkeypatch, over_http):
    upstream, _ = packed
    plain = mirror_tree(tmp_path / "plain", upstream)
    server.files = {f"m/packed/{name}": data for name, data in upstream.items()}
    monkeypatch.setenv("LMBOOK_MIRROR", f"{server.url}/m" if over_http else str(plain))
    check_packed(home, upstream)


def test_the_same_files_come_from_their_own_addresses(packed, home):
    check_packed(home, packed[0])


def test_a_packed_file_that_broke_off_is_continued(packed, home, server, monkeypatch):
    upstream, mirror = packed
    server.files = {f"m/{name}": (mirror / name).read_bytes() for name in everything_in(mirror)}
    part = home / "corpora" / "packed" / "wav.zip.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(server.files["m/packed/wav.zip"][:100])
    assert status("packed") == "partial"
    monkeypatch.setenv("LMBOOK_MIRROR", f"{server.url}/m")
    check_packed(home, upstream)
    assert ("m/packed/wav.zip", "bytes=100-") in server.requests


def test_a_mirror_without_the_file_says_where_it_looked(packed, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("LMBOOK_MIRROR", str(tmp_path / "empty"))
    with pytest.raises(LmbookError, match="mirror has no file .*story.txt.*unset it"):
        get("packed", progress=False)


def test_a_mirror_with_a_wrong_file_is_refused(packed, home, monkeypatch):
    _, mirror = packed
    (mirror / "packed" / "story.txt.gz").write_bytes(gzip.compress(b"something else", mtime=0))
    monkeypatch.setenv("LMBOOK_MIRROR", str(mirror))
    with pytest.raises(LmbookError, match="not the expected file: its sha256"):
        get("packed", progress=False)
    assert everything_in(home) == []


def test_what_comes_out_of_a_packed_file_is_checked_too(packed, home, catalogue, new_card, monkeypatch):
    upstream, mirror = packed
    data = zipped({"wav/1.wav": b"ONE" * 99, "wav/2.wav": upstream["wav/2.wav"]})
    (mirror / "packed" / "wav.zip").write_bytes(data)
    digest = new_card("x", "", {"wav.zip": data}).files[0].sha256
    repacked = (Repacked("wav.zip", len(data), digest, "zip", ("wav/1.wav", "wav/2.wav")),)
    catalogue(new_card("packed", "http://nowhere.invalid", upstream, repacked=repacked))
    monkeypatch.setenv("LMBOOK_MIRROR", str(mirror))
    with pytest.raises(LmbookError, match="wav/1.wav of wav.zip is not the upstream file"):
        get("packed", progress=False)
    assert not (home / "corpora" / "packed" / "wav").exists()


def test_two_processes_may_copy_from_a_folder_at_once(packed, home, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    upstream, mirror = packed
    shutil.rmtree(mirror)
    mirror_tree(mirror, upstream)
    monkeypatch.setenv("LMBOOK_MIRROR", str(mirror))
    with ThreadPoolExecutor(4) as pool:
        for paths in pool.map(lambda _: get("packed", progress=False), range(4)):
            assert [path.read_bytes() for path in paths] == list(upstream.values())
