from __future__ import annotations

import errno
import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from lmbook.corpora import unpack as module
from lmbook.corpora.unpack import changed_members, gunzip, unpack
from lmbook.errors import LmbookError


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def folder(tmp_path):
    """Where to unpack. It has an old file, to see that a refusal leaves it alone; nothing else may appear beside it."""
    target = tmp_path / "work" / "out"
    target.mkdir(parents=True)
    (target / "old.txt").write_text("old")
    return target


def check_untouched(folder):
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    assert (folder / "old.txt").read_text() == "old" and len(list(folder.iterdir())) == 1
    assert not list(folder.parent.parent.glob("*outside*"))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_a_good_archive_replaces_the_folder(tmp_path, folder, kind):
    members = [("a/b.txt", b"bee"), ("c.txt", b"sea"), ("empty.txt", b"")]
    path = tmp_path / f"x.{kind}"
    if kind == "zip":
        make_zip(path, [("a/", b""), *members])
    else:
        make_tar(path, members, "w:" + kind.removeprefix("tar").removeprefix("."))
    found = unpack(path, folder)
    assert {item.relative_to(folder).as_posix(): item.read_bytes() for item in found} == dict(members)
    assert [item.name for item in folder.parent.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "name",
    [
        "../outside.txt",
        "a/../../outside.txt",
        "/tmp/outside.txt",
        "..\\outside.txt",
        "C:\\outside.txt",
        "C:outside.txt",
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_that_leads_out_is_refused(tmp_path, folder, name, kind):
    make = make_zip if kind == "zip" else make_tar
    path = make(tmp_path / f"x.{kind}", [("fine.txt", b"x"), (name, b"gotcha")])
    with pytest.raises(LmbookError, match="could lead out of its folder"):
        unpack(path, folder)
    check_untouched(folder)


def test_links_in_a_zip_are_refused(tmp_path, folder):
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = make_zip(tmp_path / "x.zip", [(info, "/etc/passwd")])
    with pytest.raises(LmbookError, match="'link', which is a link or a device"):
        unpack(path, folder)
    check_untouched(folder)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, folder, kind):
    path = make_tar(tmp_path / "x.tar.gz", [(link("bad", "/etc/passwd", kind), b"")])
    with pytest.raises(LmbookError, match="'bad', which is a link or a device"):
        unpack(path, folder)
    check_untouched(folder)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_bomb_over_the_limit_is_refused(tmp_path, folder, kind):
    members = [(f"{number}.txt", bytes(400_000)) for number in range(3)]
    make = make_zip if kind == "zip" else make_tar
    path = make(tmp_path / f"x.{kind}", members)
    assert path.stat().st_size < 20_000
    with pytest.raises(LmbookError, match="more than the limit of 1,000,000 bytes"):
        unpack(path, folder, limit=1_000_000)
    check_untouched(folder)
    assert len(unpack(path, folder, limit=1_200_000)) == 3


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path, folder):
    path = make_zip(tmp_path / "x.zip", [("a.txt", bytes(900_000))])
    data = path.read_bytes().replace((900_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(LmbookError):
        unpack(path, folder, limit=100_000)
    check_untouched(folder)


def test_two_files_of_one_name_are_refused(tmp_path, folder):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = make_zip(tmp_path / "x.zip", [("a.txt", b"1"), ("a.txt", b"2")])
    with pytest.raises(LmbookError, match="two files named"):
        unpack(path, folder)
    check_untouched(folder)


def test_damaged_and_foreign_files_are_named(tmp_path, folder):
    whole = make_zip(tmp_path / "x.zip", [("a.txt", b"0123456789" * 1000)]).read_bytes()
    broken = tmp_path / "broken.zip"
    broken.write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    with pytest.raises(LmbookError, match="broken.zip is damaged"):
        unpack(broken, folder)
    text = tmp_path / "text.zip"
    text.write_text("just text")
    with pytest.raises(LmbookError, match="text.zip is not a zip or tar archive"):
        unpack(text, folder)
    check_untouched(folder)


def test_gunzip(tmp_path):
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"hello" * 1000, mtime=0))
    assert gunzip(packed, tmp_path / "a").read_bytes() == b"hello" * 1000
    with pytest.raises(LmbookError, match="more than the limit of 4,999 bytes"):
        gunzip(packed, tmp_path / "b", limit=4_999)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(LmbookError, match="damaged"):
        gunzip(packed, tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.gz"]


def test_changed_members(tmp_path):
    path = make_zip(tmp_path / "x.zip", [("a.txt", b"abc"), ("b.txt", b"def"), ("d/", b"")])
    assert changed_members(path, tmp_path / "out") == ["a.txt", "b.txt"]
    unpack(path, tmp_path / "out")
    assert changed_members(path, tmp_path / "out") == []
    (tmp_path / "out" / "b.txt").write_bytes(b"dEf")
    assert changed_members(path, tmp_path / "out") == ["b.txt"]


def test_a_disk_that_fills_up_while_unpacking_is_named(tmp_path, folder, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(LmbookError, match="cannot be unpacked: No space left on device"):
        unpack(make_zip(tmp_path / "x.zip", [("a.txt", b"abc")]), folder)
    check_untouched(folder)
