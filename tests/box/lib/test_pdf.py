"""Pages as PDF: made apart, fetching nothing, with an end to what is taken."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from box.lib import pdf
from box.lib.pdf import NotRendered, pdf_of


def test_a_page_becomes_a_pdf_in_both_scripts() -> None:
    assert pdf_of("<title>Счёт</title><p>Счёт, Invoice").startswith(b"%PDF-")


def test_nothing_is_fetched_from_an_address_or_a_file(tmp_path: Path) -> None:
    picture = tmp_path / "secret.svg"
    picture.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.png"
        page = f'<link rel=stylesheet href="{url}"><p style="background:url({url})">x<img src="{url}">'
        page += f'<img src="file://{picture}">'
        bare = len(pdf_of('<p>x<img src=""><img src="">'))
        assert abs(len(pdf_of(page)) - bare) < 500
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_page_that_is_too_large_is_refused_before_it_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "LARGEST_PAGE", 10)
    monkeypatch.setattr(pdf, "_PROGRAM", Path("/nowhere"))
    with pytest.raises(NotRendered, match="at most 10"):
        pdf_of("<p>longer than ten")


def test_whoever_takes_too_much_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = (Path(pdf.__file__).with_name("renderer.py")).read_text()
    greedy = tmp_path / "renderer.py"
    greedy.write_text(source.replace("1024 * 2**20", "60 * 2**20"))
    monkeypatch.setattr(pdf, "_PROGRAM", greedy)
    with pytest.raises(NotRendered, match="the renderer ended with"):
        pdf_of("<p>x")
    monkeypatch.setattr(pdf, "SECONDS", 0.01)
    with pytest.raises(NotRendered, match="took more than"):
        pdf_of("<p>x")
