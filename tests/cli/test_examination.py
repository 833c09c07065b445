from __future__ import annotations

import importlib.metadata

import pytest

from lmbook.cli import examination as doctor


def test_requirements_follow_the_markers_of_this_python(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text(
        '# words\nnumpy==2.4.6; python_version >= "3.0"\nnumpy==1.0; python_version < "3.0"\n'
        "rich==15.0.0  # why\n-e .\n",
        encoding="utf-8",
    )
    assert doctor.requirements(path) == {"numpy": "2.4.6", "rich": "15.0.0"}


@pytest.mark.parametrize(("installed", "state"), [("0.0.1", "note"), (None, "problem")])
def test_other_and_missing_versions_are_told_with_the_command(installed, state, monkeypatch):
    def version(name):
        if installed is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(importlib.metadata, "version", version)
    findings = doctor._packages()
    assert findings and {finding.state for finding in findings} == {state}
    assert all("pip install -r requirements.txt" in finding.mend for finding in findings)


def test_examine_reaches_its_end_whatever_is_broken(monkeypatch, tmp_path):
    monkeypatch.setenv("LMBOOK_CHAPTERS", str(tmp_path / "missing"))
    monkeypatch.setenv("LMBOOK_MIRROR", str(tmp_path / "missing"))
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("LMBOOK_HOME", str(tmp_path / "file"))
    findings = {finding.what: finding for finding in doctor.examine()}
    assert {findings[what].state for what in ("lessons", "disk, downloads")} == {"problem"}
    assert findings["mirror of public data"].state == "note"
    assert all(finding.mend for finding in findings.values() if finding.state != "ok")


def test_a_driver_without_a_gpu_in_tensorflow_names_the_command(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    assert "tensorflow[and-cuda]==2.21.0" in doctor._no_gpu("2.21.0").mend
    monkeypatch.setattr(doctor.sys, "platform", "win32")
    assert "WSL2" in doctor._no_gpu("2.21.0").mend
