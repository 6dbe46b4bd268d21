"""Progress bars in one line of the log, remarks in lines of their own."""

import threading

import pytest
from tqdm import tqdm

from cryosparc_ext.progress import ProgressText


def remarks(text: ProgressText) -> list[str]:
    found = []
    while line := text.next_line():
        found.append(line)
        text.forget_line()
    return found


def test_a_real_bar(capsys: pytest.CaptureFixture[str]) -> None:
    text = ProgressText()
    with tqdm(total=3, file=text, desc="denoising", mininterval=0) as bar:  # type: ignore[type-var]
        for done in (1, 2, 3):
            bar.update()
            assert f"{done}/3" in text.bar
    print("finished", file=text)
    assert "3/3" in text.bar
    assert text.bar.startswith("denoising: 100%")
    assert remarks(text) == ["finished"]
    assert remarks(text) == []
    assert "3/3" in capsys.readouterr().err


def test_pieces_of_lines() -> None:
    text = ProgressText()
    for piece in ("a rem", "ark\n", "\r 1/2", "\r", "2/2 \r", "\n", "\n", "last", " one\n", "x"):
        text.write(piece)
    assert text.bar == "2/2"
    assert remarks(text) == ["a remark", "last one"]


def test_threads_do_not_mix() -> None:
    text = ProgressText()
    threads = [
        threading.Thread(target=lambda: [text.write("one line\n") for _ in range(200)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert remarks(text) == ["one line"] * 800
