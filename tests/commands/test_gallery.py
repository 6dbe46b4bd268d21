"""The gallery in a real browser, without a window, opened as a file."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from core.images.star.document import StarFile
from core.runs.select.gallery import TEMPLATE, as_script

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(not BROWSER, reason="there is no chromium to open the gallery with")


def page(folder: Path, n: int, script: str) -> Path:
    """Write a gallery of n particles whose page runs a script at its end."""
    names = [f"{k + 1:06d}@a <b>.mrcs" for k in range(n)]
    data = {
        "title": "</script><b>particles", "key": "0123", "names": names,
        "tokens": [f"'{name}'" for name in names], "image": list(range(n)),
        "score": [k / n for k in range(n)], "class": [k % 4 + 1 for k in range(n)],
        "kept": [int(2 * k >= n) for k in range(n)], "border": 0.5, "micrographs": ["m"],
        "micrograph": [0] * n, "tile": 32, "columns": 12, "rows": 12, "folder": "gallery_files",
        "kinds": ["smooth", "raw"],
    }  # fmt: skip
    told = "const told = {}; const press = key => document.dispatchEvent(new KeyboardEvent("
    told += f"'keydown', {{key, bubbles: true}}));\n{script}\n"
    told += "const out = document.createElement('pre'); out.id = 'told';"
    told += "out.textContent = 'TOLD' + JSON.stringify(told) + 'END'; document.body.append(out);"
    text = TEMPLATE.read_text().replace("/*DATA*/null", as_script(data))
    path = folder / "gallery.html"
    path.write_text(text.replace("</body>", f"<script>{told}</script></body>"))
    return path


def told_by(path: Path) -> dict[str, object]:
    """Open a page and give what its script told."""
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,800",
         f"--user-data-dir={path.parent / 'profile'}", "--virtual-time-budget=3000",
         "--dump-dom", path.as_uri()],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    found = re.search(r'id="told">TOLD(.*)END</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    made: dict[str, object] = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">"))
    return made


def test_marks_by_keyboard_survive_a_reload_and_go_back_to_iceblock(tmp_path: Path) -> None:
    # Best first: the frame is on the last particle, then on the one before.
    keys = "press('r'); press('r'); press('ArrowRight'); press(' '); press('End'); press('k');"
    first = told_by(page(tmp_path, 100, keys + "told.star = star(); told.title = document.title;"))
    assert first["title"] == "iceblock: </script><b>particles"
    told = told_by(page(tmp_path, 100, "told.star = star(); told.count = $('count').textContent;"))
    assert told["star"] == first["star"]
    assert told["count"] == "100 of 100 shown · 48 kept · 4 marked by hand"
    star = tmp_path / "marks.star"
    star.write_text(str(told["star"]))
    table = StarFile.read(star).find("_rlnIceblockMark")
    assert table is not None
    marks = table.integers("_rlnIceblockMark").tolist()
    wanted = [int(k >= 50) for k in range(100)]
    wanted[99], wanted[98], wanted[96], wanted[0] = 0, 0, 0, 1
    assert marks == wanted
    assert table.column("_rlnImageName")[0] == "'000001@a <b>.mrcs'"


def test_sort_filter_and_the_border(tmp_path: Path) -> None:
    script = """
    const set = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event('change')); };
    const shown = () => order.slice(0, 3);
    told.best = shown(); set('sort', 'up'); told.worst = shown();
    set('class', '2-3'); told.classes = order.length; set('low', '0.9'); told.low = shown();
    set('low', '0'); set('class', ''); set('which', 'rejected'); told.rejected = order.length;
    set('border', '0.2'); set('which', 'kept'); told.kept = order.length;
    $('forget').click(); set('which', 'all'); told.again = star().split(' 1\\n').length - 1;
    """
    told = told_by(page(tmp_path, 100, script))
    assert told["best"] == [99, 98, 97]
    assert told["worst"] == [0, 1, 2]
    assert (told["classes"], told["low"], told["rejected"]) == (50, [90, 93, 94], 50)
    assert (told["kept"], told["again"]) == (80, 50)


def test_of_many_particles_only_those_in_sight_are_in_the_page(tmp_path: Path) -> None:
    script = """
    const drawn = () => document.querySelectorAll('.tile').length;
    told.before = drawn(); press('End'); told.after = drawn(); told.here = order[here];
    told.last = !!document.querySelector('.tile.here[data-row="0"]');
    """
    told = told_by(page(tmp_path, 20_000, script))
    assert 20 < int(str(told["before"])) < 400
    assert 20 < int(str(told["after"])) < 800
    assert (told["here"], told["last"]) == (0, True)
