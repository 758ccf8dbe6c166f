"""What the engines of a cluster are told, judged by themselves where they can."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance import runner, scratch, service_files
from appliance.cluster import identity, stores
from appliance.cluster.processors import Meter
from appliance.cluster.topology import Member, Membership, Rest, Role, Topology, TopologyRefused
from appliance.node import Node
from appliance.services import enabled, named
from appliance.services.database import patroni
from box.lib.memcached import ByName
from tests.appliance.boxes import open_to_everybody

ONE = Member("node-1", "10.0.0.1", (Role.PORTAL, Role.FILES, Role.DATABASE), has_store=True)
TWO = Member("node-2", "fd00::2", (Role.PORTAL, Role.DATABASE), number=1, has_store=True)
WITNESS = Member("witness", "10.0.0.9", (Role.WITNESS,))
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FOUNDERS = ("node-1=10.0.0.1", "node-2=fd00::2")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """The second of three, at an address of IPv6."""
    folder = tmp_path_factory.mktemp("node")
    open_to_everybody(folder)
    single = scratch.create(folder)
    identity.found(single.paths, name=TWO.name, address=TWO.address)
    secrets = replace(single.secrets, database_replication_password='it\'s "quoted": {here}\\')
    membership = Membership(TWO.name, Topology((ONE, TWO, WITNESS)), FOUNDERS)
    return replace(single, secrets=secrets, membership=membership)


def file_of(node: Node, service: str, name: str) -> str:
    return next(str(file.content) for file in named(service).files(node) if file.name == name)


def test_patroni_is_told_in_json_whatever_a_password_holds(node: Node) -> None:
    told = json.loads(patroni.config(node).content)
    assert told["etcd3"]["hosts"] == ["10.0.0.1:2379", "[fd00::2]:2379", "10.0.0.9:2379"]
    assert told["etcd3"]["protocol"] == "https"
    assert told["restapi"]["listen"] == "[fd00::2]:8008"
    assert told["restapi"]["verify_client"] == "required"
    replication = told["postgresql"]["authentication"]["replication"]
    assert replication["password"] == 'it\'s "quoted": {here}\\'
    assert replication["sslmode"] == "verify-full"
    assert "password" not in told["postgresql"]["authentication"]["superuser"]
    assert not any("quoted" in word for word in patroni.command(node))


def test_no_acknowledged_write_is_lost_by_what_holds_for_all(node: Node) -> None:
    told = patroni.dynamic(node)
    assert told["synchronous_mode"] == "quorum"
    # Patroni's own condition: a lock is renewed, with one retry, before it expires.
    assert int(str(told["loop_wait"])) + 2 * int(str(told["retry_timeout"])) <= int(str(told["ttl"]))


def test_a_single_box_recovers_what_a_cluster_has_backed_up(node: Node) -> None:
    """PostgreSQL refuses where one of these is lower than where the log was written."""
    parameters = patroni.dynamic(node)["postgresql"]["parameters"]
    conf = file_of(replace(node, membership=None), "database", "postgresql.conf")
    for name in ("max_connections", "max_wal_senders"):
        assert f"{name} = {parameters[name]}\n" in conf


def test_postgresql_lets_nodes_in_by_certificate_and_address_and_nobody_else(node: Node) -> None:
    lines = file_of(node, "database", "pg_hba.conf").splitlines()
    from_network = [line for line in lines if not line.startswith(("local", "#"))]
    for line in from_network:
        kind, _database, role, network, *how = line.split()
        assert kind == "hostssl"
        assert network in ("10.0.0.1/32", "fd00::2/128", "10.0.0.9/32")
        # The owner of the tables comes through a router, which speaks TLS for it: SCRAM notices, and refuses.
        secret = "password" if role == "korobka_owner" else "scram-sha-256"
        assert how in (["cert", "map=nodes"], [secret, "clientcert=verify-ca"])
    assert len(from_network) == 5 * 3
    assert "nodes node-2 korobka_app" in file_of(node, "database", "pg_ident.conf").splitlines()


def test_a_single_box_listens_on_no_network(node: Node) -> None:
    single = replace(node, membership=None)
    assert "hostssl" not in file_of(single, "database", "pg_hba.conf")
    assert "listen_addresses = ''" in file_of(single, "database", "postgresql.conf")
    assert "listen_addresses" not in file_of(node, "database", "postgresql.conf")


def test_haproxy_takes_the_way_to_the_database(node: Node) -> None:
    router = named("router")
    service_files.apply(node, only=(router,))
    assert router.check is not None
    done = runner.run(router.check(node), check=False)
    assert done.code == 0, done.stderr
    conf = file_of(node, "router", "haproxy.cfg")
    servers = [line.split() for line in conf.splitlines() if line.strip().startswith("server ")]
    leader = [words[1:3] for words in servers if "track" not in words and "5432" in words[2]][:2]
    # Its own first: of copies, which are read while nobody leads, the first that answers is taken.
    assert leader == [["node-2", "[fd00::2]:5432"], ["node-1", "10.0.0.1:5432"]]
    copies = [words for words in servers if words[1].startswith("copy:")]
    # Of the portal, and of the names of objects.
    assert [words[1] for words in copies] == ["copy:node-2", "copy:node-1"] * 2
    assert all("backup" in words for words in copies)
    abroad = [words for words in servers if not words[2].startswith(("unix@", "127.0.0.1"))]
    abroad = [words for words in abroad if not words[2].startswith(TWO.loopback)]
    assert all({"verify", "required", "verifyhost"} <= set(words) for words in abroad)


def test_a_node_asks_another_for_its_part_of_the_cache_and_for_files_that_its_own_store_does_not_give(
    node: Node,
) -> None:
    conf = file_of(node, "router", "haproxy.cfg")
    assert "frontend cache:node-1" in conf and "frontend cache:node-2" in conf
    port = node.box.objects.port
    assert conf.split("\nfrontend store\n")[1].splitlines()[0] == f"    bind 127.0.0.1:{port}"
    own, other = [line.split() for line in section(conf, "store") if line.strip().startswith("server ")]
    assert own[1:3] == ["own", f"{TWO.loopback}:{port}"] and "backup" not in own
    assert other[1] == "node-1" and "backup" in other and "korobka-store" in other


def test_a_store_of_one_process_is_asked_by_the_others(node: Node) -> None:
    minio = replace(node, box=replace(node.box, objects=replace(node.box.objects, engine="minio")))
    conf = file_of(minio, "router", "haproxy.cfg")
    assert [line.split()[1] for line in section(conf, "store") if line.strip().startswith("server ")] == [
        "node-1"
    ]
    assert "korobka-volume" not in conf and ".s.PGSQL" not in conf.split("\nfrontend store\n")[1]
    assert "frontend store" not in file_of(on(minio, ONE), "router", "haproxy.cfg")


def test_stores_say_nothing_on_a_network_and_their_names_have_a_way_of_their_own(node: Node) -> None:
    command = named("objects").command(node, "1")
    assert {f"-ip={TWO.loopback}", f"-ip.bind={TWO.loopback}", "-rack=node-2"} <= set(command)
    assert "-master.defaultReplication=010" in command
    assert not [word for word in command if "fd00::2" in word or "10.0.0." in word]
    conf = file_of(node, "router", "haproxy.cfg")
    binds = re.findall(r"frontend at:node-1:\S+\n    bind (\S+)", conf)
    assert binds and all(bind.startswith(f"{ONE.loopback}:") for bind in binds)
    servers = [line for line in section(conf, "names") if line.strip().startswith("server ")]
    assert len(servers) == 4 and all("/store.pem" in line and "/node.pem" not in line for line in servers)
    known = file_of(node, "database", "pg_ident.conf").splitlines()
    assert "nodes store.node-2 korobka_objects" in known and "nodes node-2 korobka_app" in known
    assert not [line for line in known if line.startswith("nodes store.") and "korobka_app" in line]


def test_one_store_keeps_one_copy_and_a_witness_none(node: Node) -> None:
    alone = replace(node, membership=Membership(ONE.name, Topology((ONE, WITNESS)), FOUNDERS))
    assert "-master.defaultReplication=000" in named("objects").command(alone, "1")
    witness = on(node, WITNESS)
    assert "-volume.port" not in " ".join(named("objects").command(witness, "1"))
    assert {port.port for port in named("objects").listeners(witness, 1)} == {
        node.box.objects.port + 1,
        node.box.objects.port + 5,
    }


def test_masters_do_not_begin_anew_without_the_oldest(node: Node) -> None:
    three = replace(TWO, name="node-3", address="10.0.0.3", number=2, has_store=False)
    joining = Topology((ONE, TWO, three))
    after = joining.with_store("node-3")
    assert len(joining.masters) == 1 and len(after.masters) == 3
    again = after.joined_by(three).with_store("node-3")
    assert {one.name for one in again.masters} == {one.name for one in after.masters}
    # Who comes again under its name is another one.
    for before, then in ((joining, after), (after, again)):
        stores.refuse_without_the_oldest(node, before, then, {"node-1"})
        with pytest.raises(TopologyRefused, match="node-1 says nothing"):
            stores.refuse_without_the_oldest(node, before, then, {"node-2", "node-3"})
    # Nothing begins anew where the masters stay who they are.
    stores.refuse_without_the_oldest(node, after, after.with_instruction("node-3", "restart 1"), set())


def section(conf: str, backend: str) -> list[str]:
    """The lines of a backend."""
    return conf.split(f"\nbackend {backend}\n")[1].split("\n\n", maxsplit=1)[0].splitlines()


def test_pages_are_read_from_its_own_copy_and_else_from_any(node: Node) -> None:
    conf = file_of(node, "router", "haproxy.cfg").split("\nbackend replicas\n")[1].split("\nbackend ")[0]
    assert "uri /quorum" in conf and "allbackups" in conf
    servers = [line.split() for line in conf.splitlines() if line.strip().startswith("server ")]
    assert [(words[1], "backup" in words) for words in servers] == [("node-2", False), ("node-1", True)]
    database = json.loads(file_of(node, "web", "portal.json"))["database"]
    assert f".s.PGSQL.{database['replicas_port']} " in file_of(node, "router", "haproxy.cfg")
    assert database["replicas_port"] != database["port"]


def test_where_there_is_one_copy_nothing_is_read_from_another(node: Node) -> None:
    alone = replace(node, membership=replace(node.cluster, topology=Topology((TWO, WITNESS))))
    for each in (alone, replace(node, membership=None)):
        assert json.loads(file_of(each, "web", "portal.json"))["database"]["replicas_port"] is None
    assert "replicas" not in file_of(alone, "router", "haproxy.cfg")


def on(node: Node, member: Member) -> Node:
    """What the same files would say on another of the nodes."""
    return replace(node, membership=replace(node.cluster, name=member.name))


def test_haproxy_takes_the_balancers_files(node: Node) -> None:
    balancer = named("balancer")
    for membership in (None, node.cluster, on(node, ONE).cluster, drained(node, "node-2").cluster):
        known = replace(node, membership=membership)
        service_files.apply(known, only=(balancer,))
        assert balancer.check is not None
        done = runner.run(balancer.check(known), check=False)
        assert done.code == 0, done.stderr
        assert "WARNING" not in done.stderr


def test_the_balancer_has_no_certificate_that_opens_the_database(node: Node) -> None:
    pem = file_of(node, "balancer", "node.pem")
    assert pem != file_of(node, "router", "node.pem")
    assert file_of(node, "balancer", "ca.crt") != file_of(node, "router", "ca.crt")
    single = replace(node, membership=None)
    assert {file.name for file in named("balancer").files(single)} == {
        *("haproxy.cfg", "wait.lua", "maintenance.html", "portal.pem"),
    }


def drained(node: Node, name: str) -> Node:
    topology = node.cluster.topology.with_drained(name, is_drained=True)
    return replace(node, membership=replace(node.cluster, topology=topology))


def servers_of(node: Node, backend: str) -> dict[str, bool]:
    """The servers of a backend, and whether each is one of the first."""
    conf = file_of(node, "balancer", "haproxy.cfg")
    lines = conf.split(f"\nbackend {backend}\n")[1].split("\nbackend ")[0].splitlines()
    found = [line.split() for line in lines if line.strip().startswith("server ")]
    return {words[1]: "backup" not in words for words in found}


def test_people_are_sent_to_all_nodes_and_to_a_drained_one_last(node: Node) -> None:
    assert servers_of(node, "web") == {"web-1": True, "web-2": True, "at:node-1": True}
    assert servers_of(drained(node, "node-1"), "web") == {"web-1": True, "web-2": True, "at:node-1": False}
    assert servers_of(drained(node, "node-2"), "web") == {"web-1": False, "web-2": False, "at:node-1": True}
    # Streams stay on the node that they came to.
    assert servers_of(node, "push") == {"push": True, "at:node-1": False}
    assert servers_of(drained(node, "node-2"), "push") == {"push": False, "at:node-1": True}


@pytest.mark.parametrize("rest", Rest)
def test_a_reserve_gets_requests_while_it_is_awake_and_has_no_part_of_the_cache(
    node: Node, rest: Rest
) -> None:
    reserve = Member("node-3", "10.0.0.3", (Role.PORTAL,), is_reserve=True, rest=rest, rested_at=NOW)
    with_it = replace(node.cluster, topology=Topology((ONE, TWO, WITNESS, reserve)))
    known = replace(node, membership=with_it)
    assert ("at:node-3" in servers_of(known, "web")) is (rest is Rest.AWAKE)
    # Who wakes or sleeps makes no worker of another node begin anew.
    assert file_of(known, "web", "portal.json") == file_of(node, "web", "portal.json")
    there = replace(node, membership=replace(with_it, name="node-3"))
    runs = {service.name for service in enabled(there)}
    assert runs == {"agent", "member", "router"} | (
        set() if rest is Rest.ASLEEP else {"web", "push", "jobs", "balancer"}
    )
    service_files.apply(there, only=(named("router"), named("balancer")))
    for service in (named("router"), named("balancer")):
        assert service.check is not None
        done = runner.run(service.check(there), check=False)
        assert done.code == 0, done.stderr
    assert "korobka-cache }" not in file_of(there, "router", "haproxy.cfg")


def test_what_another_node_sends_goes_to_the_workers_here_and_not_on(node: Node) -> None:
    for each in (node, drained(node, "node-2")):
        assert servers_of(each, "own") == servers_of(each, "own_writes") == {"web-1": True, "web-2": True}
        assert servers_of(each, "own_push") == {"push": True}


def test_what_the_machine_of_the_files_must_answer_goes_there_while_it_lives(node: Node) -> None:
    assert servers_of(node, "home") == {"web-1": False, "web-2": False, "at:node-1": True}
    assert servers_of(on(node, ONE), "home_writes") == {"web-1": True, "web-2": True, "at:node-2": False}


def test_all_nodes_divide_the_keys_of_the_cache_alike(node: Node) -> None:
    keys = [f"korobka:1:key-{number}" for number in range(200)]
    found = []
    for each in (node, on(node, ONE)):
        sockets = json.loads(file_of(each, "web", "portal.json"))["cache"]["servers"]
        elsewhere = [socket.replace(str(node.paths.prefix), f"/{each.name}") for socket in sockets]
        by_name = ByName(nodes=elsewhere)
        found.append([Path(by_name.get_node(key) or "").name for key in keys])
    assert found[0] == found[1]
    assert set(found[0]) == {"cache-node-1.sock", "cache-node-2.sock"}
    # When one is away, what lies on the other stays there.
    one_left = ByName(nodes=["/x/cache-node-2.sock"])
    assert {one_left.get_node(key) for key in keys} == {"/x/cache-node-2.sock"}
    assert ByName(nodes=[]).get_node("key") is None


def test_etcd_asks_everybody_for_a_certificate_and_knows_whom_it_joins(node: Node) -> None:
    command = named("etcd").command(node, "1")
    assert {"--client-cert-auth", "--peer-client-cert-auth"} <= set(command)
    assert command[command.index("--listen-client-urls") + 1] == "https://[fd00::2]:2379"
    known = command[command.index("--initial-cluster") + 1]
    assert known == "node-1=https://10.0.0.1:2380,node-2=https://[fd00::2]:2380"
    assert command[command.index("--initial-cluster-state") + 1] == "existing"
    alone = replace(node, membership=replace(node.cluster, founders=("node-2=fd00::2",)))
    first = named("etcd").command(alone, "1")
    assert first[first.index("--initial-cluster-state") + 1] == "new"


def test_keys_are_read_by_the_service_that_needs_them_alone(node: Node) -> None:
    service_files.apply(node, only=(named("etcd"),))
    folder = node.generated("etcd")
    assert {path.name for path in folder.iterdir()} == {"ca.crt", "node.crt", "node.key"}
    assert (folder / "node.key").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize(
    ("later", "busy"),
    [
        ("cpu  200 0 100 700 100 0 0 0 50 0", 0.0),
        ("cpu  300 0 200 700 100 0 0 0 50 0", 1.0),
        ("cpu  250 0 100 725 125 0 0 0 50 0", 0.5),
        # A counter that goes back, as some machines' do.
        ("cpu  200 0 100 690 100 0 0 0 50 0", 0.0),
    ],
)
def test_what_processors_do_is_counted_since_the_last_look(tmp_path: Path, later: str, busy: float) -> None:
    file = tmp_path / "stat"
    file.write_text("cpu  200 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    meter = Meter(file)
    file.write_text(f"{later}\n")
    assert meter.busy() == busy
