"""What each protocol adds to the statistics, and what ``/metrics`` makes of it."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import httpx
import pytest

from tests.protocols.mpserverless.signed import GatewayClient
from tests.protocols.tcb_client.clients import WebClient
from tests.scenarios.admin import AdminClient
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents.rules import MODES
from yunbox.errors import QuotaExceeded
from yunbox.files.sites import SiteService
from yunbox.spaces import Space
from yunbox.statistics import Total, UserDay, day_of


@pytest.fixture
def space(cloud: LiveServer) -> Space:
    return cloud.create_space()


def counts(cloud: LiveServer, space: Space, kind: str) -> dict[str, Total]:
    """Sums of the last two days by name: midnight may pass while a test runs."""
    found: dict[str, Total] = {}
    statistics = cloud.services.statistics
    since, until = day_of(time.time() - 86_400), day_of(time.time())
    for counted, total in statistics.totals(space.id, since, until):
        if counted.kind == kind:
            found.setdefault(counted.name, Total()).add(total)
    return found


def test_server_sdk_actions(cloud: LiveServer, space: Space) -> None:
    admin = AdminClient(cloud, space)
    admin.post("database.addCollection", collectionName="notes")
    admin.add("notes", {"a": 1})
    admin.find("notes")
    admin.error("database.getDocument", collectionName="nowhere", query="{}")
    admin.error("no.such.action")
    methods = counts(cloud, space, "method")
    assert {name: (total.calls, total.errors) for name, total in methods.items()} == {
        "database.addCollection": (1, 0),
        "database.insertDocument": (1, 0),
        "database.getDocument": (2, 1),
    }
    assert all(total.duration_ms > 0 for total in methods.values())
    assert methods["database.getDocument"].sent > 100
    reads, writes = counts(cloud, space, "read"), counts(cloud, space, "write")
    assert {name: (total.calls, total.errors) for name, total in reads.items()} == {"notes": (1, 0), "": (1, 1)}
    assert writes["notes"].calls == 2


def test_web_actions_and_users(cloud: LiveServer, space: Space) -> None:
    admin, web = AdminClient(cloud, space), WebClient(cloud, space)
    admin.post("database.addCollection", collectionName="notes")
    cloud.services.documents.set_rules(space.id, "notes", MODES["READONLY"])
    for _ in range(2):
        token = web.sign_in()
        web.call("database.queryDocument", collectionName="notes", query="{}", access_token=token)
        web.call("database.queryDocument", collectionName="notes", query="{}", access_token=token)
    web.error("database.queryDocument", collectionName="notes", query="{}", access_token="wrong")
    methods = counts(cloud, space, "method")
    assert (methods["database.queryDocument"].calls, methods["auth.signInAnonymously"].calls) == (4, 2)
    assert methods["database.queryDocument"].sent > 0
    day = day_of(time.time())
    assert cloud.services.statistics.users(space.id, day, day) == [UserDay(day, active=2, new=2)]


def test_paths_of_the_gateway_and_of_sign_in(cloud: LiveServer, space: Space) -> None:
    signed_in = httpx.post(f"{cloud.endpoint}/auth/v1/signin/anonymously", json={"client_id": space.id})
    assert signed_in.status_code == 200, signed_in.text
    headers = {"authorization": f"Bearer {signed_in.json()['access_token']}"}
    assert httpx.post(f"{cloud.endpoint}/v1/functions/nope", headers=headers, json={}).status_code == 404
    methods = counts(cloud, space, "method")
    assert methods["auth POST signin/anonymously"].calls == 1
    assert (methods["v1 POST functions/{name}"].calls, methods["v1 POST functions/{name}"].errors) == (1, 1)


def test_both_protocols_count_in_one_space(cloud: LiveServer, space: Space) -> None:
    with httpx.Client() as http:
        client = GatewayClient(cloud.endpoint, space, http).authorize()
        client.db("insertOne", collection="things", doc={"n": 1})
    AdminClient(cloud, space).find("things")
    assert counts(cloud, space, "write")["things"].calls == 1
    assert counts(cloud, space, "read")["things"].calls == 1
    assert counts(cloud, space, "method")["serverless.db.default.execute"].calls == 1


def test_traffic_of_files_and_sites(cloud: LiveServer, space: Space) -> None:
    services, admin = cloud.services, Caller("admin", space.id)
    cloud.call(services.files.put(admin, "a.bin", b"x" * 1000))
    link = cloud.endpoint + services.files.public_path(space, "a.bin")
    assert httpx.get(link).content == b"x" * 1000
    part = httpx.get(link, headers={"range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)
    assert httpx.head(link).status_code == 200
    assert httpx.get(link, headers={"if-none-match": part.headers["etag"]}).status_code == 304
    assert httpx.get(link + "x").status_code == 404
    uploads, downloads = counts(cloud, space, "upload")["files"], counts(cloud, space, "download")["files"]
    assert (uploads.calls, uploads.received) == (1, 1000)
    assert (downloads.calls, downloads.sent) == (2, 1100)
    services.sites.open(space.id)
    cloud.call(services.sites.files.put(SiteService.owner(space.id), "index.html", b"<p>hi</p>"))
    assert httpx.get(f"{cloud.endpoint}/hosting/{space.id}/").content == b"<p>hi</p>"
    pages = counts(cloud, space, "hosting")["site"]
    assert (pages.calls, pages.sent) == (1, 9)
    services.spaces.set(space.id, {"quota.hosting_mb_per_day": 0})
    assert httpx.get(f"{cloud.endpoint}/hosting/{space.id}/").status_code == 429


def test_egress_and_resource_use_of_functions(cloud: LiveServer, space: Space, tmp_path: Path) -> None:
    (tmp_path / "index.js").write_text("exports.main = async () => 'x'.repeat(1000)\n")
    cloud.call(cloud.services.functions.deploy(space.id, tmp_path, "big", settings={"memory": 256}))
    AdminClient(cloud, space).invoke("big")
    ran = counts(cloud, space, "function")["big"]
    assert (ran.calls, ran.sent) == (1, 1002)
    assert ran.received > 0
    steps = ran.gb_seconds / (0.25 * 0.1)
    assert steps == pytest.approx(round(steps))
    assert steps >= 1


def test_calls_of_a_function_at_a_time(cloud: LiveServer, space: Space, tmp_path: Path) -> None:
    """Calls above the limit are rejected, not queued (semantics.md §15)."""
    (tmp_path / "index.js").write_text("exports.main = () => new Promise((done) => setTimeout(done, 300, 'done'))\n")
    functions = cloud.services.functions
    cloud.call(functions.deploy(space.id, tmp_path, "slow"))
    cloud.services.spaces.set(space.id, {"quota.function_concurrency": 2})

    async def at_once() -> list[object]:
        calls = (functions.invoke(Caller("admin", space.id), "slow") for _ in range(5))
        return await asyncio.gather(*calls, return_exceptions=True)

    refused = [answer for answer in cloud.call(at_once()) if isinstance(answer, QuotaExceeded)]
    assert [error.item for error in refused] == ["function_concurrency"] * 3
    assert AdminClient(cloud, space).invoke("slow") == "done"


def test_limits_hold_across_a_restart(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        space = server.create_space("shop")
        server.services.spaces.set("shop", {"quota.db_writes_per_month": 2})
        admin = AdminClient(server, space)
        admin.post("database.addCollection", collectionName="notes")
        admin.add("notes", {"n": 1})
        assert admin.error("database.addDocument", collectionName="notes", data="{}") == "EXCEED_REQUEST_LIMIT"
    with LiveServer(tmp_path) as server:
        admin = AdminClient(server, server.services.spaces.get("shop"))
        assert admin.error("database.addDocument", collectionName="notes", data="{}") == "EXCEED_REQUEST_LIMIT"
        assert len(admin.find("notes")) == 1


SAMPLE = re.compile(r'[a-z_]+(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? -?[0-9.e+-]+')


def test_metrics(cloud: LiveServer, space: Space) -> None:
    AdminClient(cloud, space).post("database.addCollection", collectionName='odd"\\name')
    cloud.services.spaces.set(space.id, {"quota.db_writes_per_day": 9})
    token = (cloud.services.settings.data / "admin.token").read_text().strip()
    headers = {"authorization": f"Bearer {token}"}
    answer = httpx.get(f"{cloud.endpoint}/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert samples
    assert not [line for line in samples if not SAMPLE.fullmatch(line)]
    method = f'yunbox_uses_total{{space="{space.id}",kind="method",name="database.addCollection"}} 1'
    assert method in samples
    assert f'yunbox_quota_limit{{space="{space.id}",item="db_writes_per_day"}} 9' in samples
    assert any(line.startswith("process_resident_memory_bytes ") for line in samples)
    assert len([line for line in answer.text.splitlines() if line.startswith("# TYPE yunbox_uses_total")]) == 1
    again = httpx.get(f"{cloud.endpoint}/metrics", headers=headers)
    assert method in again.text.splitlines(), "counters stay when they have been written"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic YWRtaW46YWRtaW4="])
def test_metrics_are_for_administrators(cloud: LiveServer, authorization: str) -> None:
    answer = httpx.get(f"{cloud.endpoint}/metrics", headers={"authorization": authorization})
    assert answer.status_code == 401
    assert "yunbox_" not in answer.text
    assert httpx.post(f"{cloud.endpoint}/metrics").status_code == 405
