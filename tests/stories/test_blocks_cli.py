"""`inlay blocks`: the library, and what is to be translated."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.stories.server import ROOT
from tests.stories.typed import typed


def blocks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return typed("blocks", *arguments)


def shop(folder: Path) -> Path:
    (folder / "rules").mkdir()
    (folder / "rules" / "shop.yaml").write_text("version: 1\nplacements: {end: {fallback: {block: hero_generic}}}\n")
    shutil.copytree(ROOT / "blocks" / "hero_generic", folder / "blocks" / "hero_generic")
    return folder


def test_the_library_is_listed_with_what_each_block_is_for():
    told = blocks("list")

    assert (told.returncode, "store_nearby" in told.stdout, "who sends this and why" in told.stdout) == (0, True, True)


def test_blocks_are_added_with_their_translations_and_can_be_served(tmp_path):
    content = shop(tmp_path)

    done = blocks("add", "footer", "survey", "--content", str(content))
    checked = typed("check", "--content", content)

    assert (done.returncode, checked.returncode) == (0, 0), done.stderr + checked.stdout
    assert sorted(path.name for path in (content / "blocks").iterdir()) == ["footer", "hero_generic", "locales", "survey"]
    assert "0 problems" in checked.stdout


def test_a_block_of_ones_own_is_never_overwritten(tmp_path):
    done = blocks("add", "hero_generic", "footer", "--content", str(shop(tmp_path)))

    assert (done.returncode, "blocks/hero_generic is there already" in done.stderr, (tmp_path / "blocks" / "footer").exists()) == (1, True, False)


def test_an_unknown_block_is_told_with_those_that_there_are(tmp_path):
    done = blocks("add", "footr", "--content", str(shop(tmp_path)))

    assert (done.returncode, "no block footr in the library; there are: bestsellers" in done.stderr) == (1, True)


def test_nothing_of_the_starter_content_lacks_a_translation():
    assert [blocks("texts", language).returncode for language in ("de", "ar")] == [0, 0]


def test_what_lacks_a_translation_is_printed_as_a_catalogue():
    told = blocks("texts", "fr")

    assert (told.returncode, 'msgid "Unsubscribe"\nmsgstr ""' in told.stdout, "#: blocks/footer\n" in told.stdout) == (1, True, True)
