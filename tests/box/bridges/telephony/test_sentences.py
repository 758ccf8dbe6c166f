"""What is wrong with a PBX is said in the language of whoever reads it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from django.utils.translation import override

from box.bridges.telephony.ami import Address, PbxTrouble, Session
from box.bridges.telephony.sentences import company_sentence, sentence
from box.lib.sealing import SealBroken
from tests.ports import hold


def trouble_at(port: int) -> PbxTrouble:
    with pytest.raises(PbxTrouble) as raised:
        Session(Address("127.0.0.1", port, "korobka", "secret"))
    return raised.value


@pytest.fixture
def stranger() -> Iterator[int]:
    """Something that is no PBX."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            line, _address = listener.accept()
            with line:
                line.sendall(b"SSH-2.0-OpenSSH_10\r\n")
                line.recv(1)

        thread = threading.Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_reader_has_it_in_their_language_and_the_log_in_english() -> None:
    trouble = trouble_at(hold())
    with override("ru"):
        assert "никто не принимает подключения" in sentence(trouble)
        assert "Nothing listens" in str(trouble)


def test_what_it_says_itself_stands_within_and_is_translated_too(stranger: int) -> None:
    trouble = trouble_at(stranger)
    with override("ru"):
        said = sentence(trouble)
    assert said == (
        f"127.0.0.1:{stranger}: В ответ пришло b'SSH-2.0-OpenSSH_10', Asterisk так не отвечает. "
        "Проверьте, что это порт интерфейса AMI."
    )


@pytest.mark.django_db
def test_what_is_kept_for_several_is_in_the_companys_language() -> None:
    with override("ru"):
        assert company_sentence(SealBroken()) == "The secret was stored by another box: write it anew."
