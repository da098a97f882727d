"""Environments shared between spaces (ENV-7): the real wx-server-sdk inside functions, and the client in Node.js."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import not_run
from tests.server import LiveServer
from yunbox.caller import Caller
from yunbox.documents import commands as c
from yunbox.documents.rules import security_rules
from yunbox.errors import SpaceNotFound
from yunbox.spaces import Space
from yunbox.spaces.sharing import EVERYTHING, Share

HERE = Path(__file__).resolve().parent
PACKAGES = HERE / "node_modules"
SDK = HERE.parent.parent / "sdk" / "js"
VERSIONS = ("2.6.3", "3.0.4", "4.0.2")

USE = """
const cloud = require('wx-server-sdk')
cloud.init()
const attempt = (work) => work().catch((error) => String(error.errCode || error.code || error.message))
exports.main = async ({ env, how, appid }) => {
  let other = cloud
  if (how === 'cloud') {
    other = new cloud.Cloud({ resourceAppid: appid || 'wx-owner', resourceEnv: env })
    const failed = await attempt(async () => { await other.init() })
    if (failed) return { init: failed }
  }
  const db = other.database(how === 'env' ? { env } : undefined)
  const call = { name: 'price', data: {}, ...(how === 'env' && { config: { env } }) }
  return {
    read: await attempt(async () => (await db.collection('goods').get()).data.map((one) => one.name)),
    write: await attempt(async () => (await db.collection('goods').add({ data: { name: 'new' } })).errMsg),
    secret: await attempt(async () => (await db.collection('secrets').get()).data.length),
    call: await attempt(async () => {
      const { result } = how === 'env'
        ? await cloud.callFunction({ ...call }).catch(() => ({ result: 'own' }))
        : await other.callFunction(call)
      return result
    }),
  }
}
"""
PRICE = """
const cloud = require('wx-server-sdk')
cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })
exports.main = async () => {
  const { FROM_OPENID, FROM_APPID } = cloud.getWXContext()
  return { from: [FROM_OPENID, FROM_APPID], own: (await cloud.database().collection('secrets').count()).total }
}
"""
AUTH = (
    "exports.main = async () => ({ errCode: 0, errMsg: '', auth: JSON.stringify({ level: 'vip', openid: 'forged' }) })"
)


@pytest.fixture(autouse=True)
def packages() -> None:
    if shutil.which("node") is None or not (PACKAGES / "wx-server-sdk-3.0.4").is_dir():
        not_run("shared environments", "node or tests/compat/node_modules is missing; run `make`")


@dataclass
class Two:
    """The space that owns things, and one that wants to use them."""

    cloud: LiveServer
    place: Path
    version: str = "3.0.4"
    owner: Space = field(init=False)
    guest: Space = field(init=False)

    def __post_init__(self) -> None:
        self.owner, self.guest = self.cloud.create_space(), self.cloud.create_space()
        content: dict[str, list[dict[str, Any]]] = {"goods": [{"name": "tea"}], "secrets": [{"n": 1}]}
        for name, documents in content.items():
            self.cloud.call(self.engine.run(c.CreateCollection(name)))
            self.cloud.call(self.engine.run(c.Insert(name, documents)))
        self.deploy(self.owner, price=PRICE, cloudbase_auth=AUTH)

    @property
    def engine(self) -> Any:
        return self.cloud.services.documents.engine(self.owner.id)

    def deploy(self, space: Space, **functions: str) -> None:
        for name, code in functions.items():
            directory = self.place / space.id / name
            modules = directory / "node_modules"
            modules.mkdir(parents=True, exist_ok=True)
            (directory / "index.js").write_text(code.replace("wx-server-sdk", f"wx-server-sdk-{self.version}"))
            if not list(modules.iterdir()):
                modules.rmdir()
                modules.symlink_to(PACKAGES)
            self.cloud.call(self.cloud.services.functions.deploy(space.id, directory, name, in_place=True))

    def share(self, share: Share) -> None:
        self.cloud.services.spaces.sharing.grant(self.owner.id, self.guest.id, share)

    def use(self, how: str, space: Space | None = None, env: str = "") -> dict[str, Any]:
        """What a function of the guest gets, called by its user ann."""
        space = space or self.guest
        caller = Caller("user", space.id, openid="ann", user_id="u-ann", app_id="wx-guest", source="client")
        event = {"env": env or self.owner.id, "how": how}
        made = self.cloud.call(self.cloud.services.functions.invoke(caller, "use", event))
        answer: dict[str, Any] = json.loads(made.result_json)
        return answer

    def goods(self) -> list[str]:
        return [one["name"] for one in self.cloud.call(self.engine.run(c.Find("goods")))]


@pytest.fixture(params=VERSIONS)
def two(cloud: LiveServer, tmp_path: Path, request: pytest.FixtureRequest) -> Two:
    made = Two(cloud, tmp_path, request.param)
    made.deploy(made.guest, use=USE)
    return made


def test_functions_use_what_is_granted_and_no_more(two: Two) -> None:
    """Without a grant nothing; each part by itself; and a revoked grant ends at once."""
    assert two.use("cloud") == {"init": "-601013"}
    two.share(Share(documents="read", collections=("goods",), functions=("price",)))
    used = two.use("cloud")
    assert used["read"] == ["tea"]
    assert used["call"] == {"from": ["ann", "wx-guest"], "own": 1}
    assert "-502003" in str(used["write"]) or "PERMISSION" in str(used["write"])
    assert "-502003" in str(used["secret"]) or "PERMISSION" in str(used["secret"])
    two.share(EVERYTHING)
    assert two.use("cloud")["secret"] == 1
    assert two.goods() == ["tea", "new"]
    two.cloud.services.spaces.sharing.revoke(two.owner.id, two.guest.id)
    assert two.use("cloud") == {"init": "-601013"}


@pytest.fixture
def pair(cloud: LiveServer, tmp_path: Path) -> Two:
    made = Two(cloud, tmp_path)
    made.deploy(made.guest, use=USE)
    return made


def test_an_environments_name_leads_there_only_with_a_grant(pair: Two) -> None:
    """DESIGN 9.6: without one it means the function's own space."""
    assert "not exist" in str(pair.use("env")["read"]) or "-502005" in str(pair.use("env")["read"])
    pair.share(Share(documents="read"))
    assert pair.use("env")["read"] == ["tea"]


def test_grants_go_one_level(pair: Two) -> None:
    """A may use B, B may use C: A does not reach C, neither directly nor by what runs on its behalf in B."""
    third = pair.cloud.create_space()
    pair.deploy(third, use=USE)
    pair.share(EVERYTHING)
    sharing = pair.cloud.services.spaces.sharing
    sharing.grant(pair.guest.id, third.id, EVERYTHING)
    assert pair.use("cloud", third) == {"init": "-601013"}
    relay = "exports.main = async (event) => (await cloud.callFunction({ name: 'use', data: event })).result"
    head = "const cloud = require('wx-server-sdk'); cloud.init(); "
    enter = (
        "const cloud = require('wx-server-sdk'); cloud.init(); exports.main = async ({ home, ...event }) => {"
        " const other = new cloud.Cloud({ resourceAppid: 'x', resourceEnv: home }); await other.init();"
        " return (await other.callFunction({ name: 'relay', data: event })).result }"
    )
    pair.deploy(pair.guest, relay=head + relay, cloudbase_auth=AUTH)
    pair.deploy(third, enter=enter)
    caller = Caller("user", third.id, openid="eve", source="client", user_id="u-eve")
    event = {"home": pair.guest.id, "env": pair.owner.id, "how": "cloud"}
    made = pair.cloud.call(pair.cloud.services.functions.invoke(caller, "enter", event))
    assert json.loads(made.result_json) == {"init": "-601013"}


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("exports.main = async () => ({ errMsg: 'who?' })", "-601015"),
        ("exports.main = async () => ({ errCode: 7, errMsg: 'not you' })", "-601017"),
        ("exports.main = async () => 'yes'", "-601023"),
        ("exports.main = async () => ({ errCode: 0, auth: '{' })", "-601023"),
        ("exports.main = async () => { throw new Error('broken') }", "-601022"),
        (None, "-601022"),
    ],
)
def test_the_owners_function_decides(pair: Two, code: str | None, number: str) -> None:
    pair.share(EVERYTHING)
    if code is None:
        pair.cloud.call(pair.cloud.services.functions.delete(pair.owner.id, "cloudbase_auth"))
    else:
        pair.deploy(pair.owner, cloudbase_auth=code)
    assert pair.use("cloud") == {"init": number}


def test_grants_end_with_their_spaces(pair: Two) -> None:
    pair.share(EVERYTHING)
    name, sharing = pair.guest.id, pair.cloud.services.spaces.sharing
    pair.cloud.delete_space(name)
    assert sharing.granted(pair.owner.id) == {}
    pair.cloud.create_space(name)
    assert sharing.share(pair.owner.id, name) is None
    with pytest.raises(SpaceNotFound):
        sharing.grant(pair.owner.id, "nowhere", EVERYTHING)


def test_credentials_of_a_shared_environment_reach_nothing_else(pair: Two) -> None:
    """Documents, files and functions are shared; users, open APIs and pipelines that write are not."""
    pair.share(EVERYTHING)
    code = """
const cloud = require('wx-server-sdk')
cloud.init()
exports.main = async ({ env }) => {
  const other = new cloud.Cloud({ resourceAppid: 'x', resourceEnv: env })
  await other.init()
  const attempt = (work) => work().then(() => 'done', (error) => String(error.errCode || error.code || error.message))
  return {
    openapi: await attempt(() => other.openapi.security.msgSecCheck({ content: 'x' })),
    upload: await attempt(() => other.uploadFile({ cloudPath: 'a.txt', fileContent: Buffer.from('x') })),
  }
}
"""
    pair.deploy(pair.guest, use=code)
    used = pair.use("cloud")
    assert used["openapi"] != "done"
    assert used["upload"] == "done"
    pair.share(Share(files="read"))
    assert pair.use("cloud")["upload"] != "done"


CLIENT = """
const yunbox = require(process.env.SDK).configure({ endpoint: process.env.ENDPOINT })
yunbox.init({ env: process.env.HOME_ENV })
const attempt = (work) => work().catch((error) => error.errCode || error.message)
async function main () {
  const other = new yunbox.Cloud({ resourceAppid: 'wx-owner', resourceEnv: process.env.OWNER })
  const init = await attempt(async () => { await other.init(); return 'entered' })
  if (init !== 'entered') return { init }
  const db = other.database()
  return {
    init,
    goods: await attempt(async () => (await db.collection('goods').get()).data.map((one) => one.name)),
    add: await attempt(async () => (await db.collection('goods').add({ data: { name: 'x' } })).errMsg),
    price: await attempt(async () => (await other.callFunction({ name: 'price' })).result.from.length),
    ownGoods: await attempt(async () => (await yunbox.database().collection('goods').get()).data.length),
  }
}
main().then((outcome) => { console.log(JSON.stringify(outcome)); process.exit(0) })
"""


def in_a_client(pair: Two, extra: Mapping[str, str] | None = None) -> dict[str, Any]:
    environment = {
        **os.environ,
        **{
            "SDK": str(SDK / "dist" / "node.cjs"),
            "ENDPOINT": pair.cloud.endpoint,
            "HOME_ENV": pair.guest.id,
            "OWNER": pair.owner.id,
        },
        **(extra or {}),
    }
    done = subprocess.run(
        ["node", "-e", CLIENT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("{"), done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def test_clients_need_the_grant_and_the_owners_rules(pair: Two) -> None:
    assert in_a_client(pair) == {"init": -601013}
    pair.share(Share(documents="read", functions=("price",)))
    rules = pair.cloud.services.documents
    rules.set_rules(pair.owner.id, "goods", security_rules({"read": "auth.level == 'vip'", "write": "auth != null"}))
    outcome = in_a_client(pair)
    assert outcome == {"init": "entered", "goods": ["tea"], "add": -502003, "price": 2, "ownGoods": -502005}
    rules.set_rules(pair.owner.id, "goods", security_rules({"read": "auth.openid == 'forged'"}))
    assert in_a_client(pair)["goods"] == -502003
