"""Telling that the code changed."""

from __future__ import annotations

import os

import pytest

from app.supervise.fleet import Code


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.py").write_text("a = 1\n")
    return tmp_path


def test_code_that_stays_as_it_is_has_not_changed(folder):
    code = Code(folder)

    assert [code.changed(), code.changed()] == [False, False]


def test_a_change_is_told_once_and_only_when_the_files_are_still(folder):
    code = Code(folder)
    (folder / "inner" / "a.py").write_text("a = 22\n")

    assert [code.changed(), code.changed(), code.changed()] == [False, True, False]


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "b.css").write_text(""), lambda folder: (folder / "inner" / "a.py").unlink(),
    lambda folder: os.utime(folder / "inner" / "a.py", ns=(1, 1)),
], ids=["a new file", "a file that is gone", "a touched file"])
def test_every_kind_of_change_is_seen(folder, change):
    code = Code(folder)
    change(folder)

    assert [code.changed(), code.changed()] == [False, True]


def test_compiled_files_are_no_change(folder):
    code = Code(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_text("")

    assert [code.changed(), code.changed()] == [False, False]
