# SPDX-License-Identifier: GPL-3.0-or-later
"""The automation side of the vCenter stand-in: sessions, inventory and tags, over REST and JSON-RPC."""

from __future__ import annotations

import base64
import json
import ssl
from datetime import datetime
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from rehearsal.vcenter import client


class Rest:
    def __init__(self, vcenter: Any) -> None:
        self.vcenter = vcenter
        self.host = urlsplit(vcenter.url)
        self.context = ssl.create_default_context(cafile=str(vcenter.certificates.ca))
        self.session = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        web = HTTPSConnection(str(self.host.hostname), self.host.port, context=self.context, timeout=30)
        try:
            if self.session:
                headers.setdefault("vmware-api-session-id", self.session)
            web.request(method, path, None if body is None else json.dumps(body), headers)
            answer = web.getresponse()
            text = answer.read()
        finally:
            web.close()
        return answer.status, json.loads(text) if text else None

    def login(self, path: str = "/api/session", password: str | None = None) -> tuple[int, Any]:
        pair = f"{self.vcenter.user}:{password or self.vcenter.password}"
        return self.call("POST", path, Authorization="Basic " + base64.b64encode(pair.encode()).decode())

    def rpc(self, service: str, operation: str, **given: Any) -> Any:
        call = {
            "jsonrpc": "2.0",
            "method": "invoke",
            "id": "1",
            "params": {
                "serviceId": service,
                "operationId": operation,
                "input": {"STRUCTURE": {"operation-input": given}},
                "ctx": {"appCtx": {}, "securityCtx": {"schemeId": "any", "sessionId": self.session}},
            },
        }
        status, answer = self.call("POST", "/api", call)
        assert status == 200
        return answer["result"]


@pytest.fixture
def rest(vcenter: Any) -> Rest:
    made = Rest(vcenter)
    status, made.session = made.login()
    assert status == 201
    return made


def test_only_whoever_logs_in_gets_in(vcenter: Any) -> None:
    stranger = Rest(vcenter)
    assert stranger.call("GET", "/api/vcenter/vm")[0] == 401
    assert stranger.login(password="wrong")[0] == 401
    assert (
        "com.vmware.vapi.std.errors.unauthenticated" in stranger.rpc("com.vmware.vcenter.VM", "list")["error"]["ERROR"]
    )
    older, answer = stranger.login("/rest/com/vmware/cis/session")
    assert older == 200
    stranger.session = answer["value"]
    assert stranger.call("GET", "/rest/vcenter/vm?filter.names.1=app-01")[1]["value"][0]["name"] == "app-01"


def test_a_session_ends(rest: Rest) -> None:
    assert rest.call("GET", "/api/session")[1]["user"] == rest.vcenter.user
    assert rest.call("DELETE", "/api/session")[0] == 204
    assert rest.call("GET", "/api/vcenter/vm")[0] == 401


def test_a_session_describes_itself(rest: Rest) -> None:
    """Clients that keep a session ask so whether it still lives: govc with a POST, which must not open another one."""
    status, older = rest.call("POST", "/rest/com/vmware/cis/session?~action=get")
    told = rest.rpc("com.vmware.cis.session", "get")["output"]["STRUCTURE"]["com.vmware.cis.session.info"]
    for seen in (rest.call("GET", "/api/session")[1], older["value"], told):
        assert seen["user"] == rest.vcenter.user
        made, used = (datetime.fromisoformat(seen[key]) for key in ("created_time", "last_accessed_time"))
        assert made <= used
    assert status == 200
    cookie = {"Cookie": f"vmware-api-session-id={rest.session}"}
    rest.session = ""
    assert rest.call("GET", "/rest/com/vmware/cis/session", **cookie)[0] == 200
    assert rest.call("DELETE", "/rest/com/vmware/cis/session", **cookie)[0] < 300
    assert rest.call("POST", "/rest/com/vmware/cis/session?~action=get", **cookie)[0] == 401


def test_the_product_names_one_version(vcenter: Any) -> None:
    about = vcenter.si.RetrieveContent().about
    assert about.fullName == f"{about.name} {about.version} build-{about.build}"


def test_the_inventory(rest: Rest, vcenter: Any) -> None:
    hosts = {h["name"]: h["host"] for h in rest.call("GET", "/api/vcenter/host")[1]}
    assert set(hosts) == {"esx-01", "esx-02", "esx-03"}
    found = rest.call("GET", f"/api/vcenter/vm?hosts={hosts['esx-03']}")[1]
    vm = client.find_vm(vcenter.si, name="app-01")
    assert [(m["vm"], m["name"], m["power_state"], m["cpu_count"]) for m in found] == [
        (vm._moId, "app-01", "POWERED_ON", 2)
    ]
    whole = rest.call("GET", f"/api/vcenter/vm/{vm._moId}")[1]
    assert whole["identity"]["instance_uuid"] == vm.config.instanceUuid
    assert [d["backing"]["vmdk_file"] for d in whole["disks"].values()] == ["[datastore-1] app-01/app-01.vmdk"]
    assert rest.call("GET", f"/api/vcenter/vm/{vm._moId}/tools")[1]["run_state"] == "RUNNING"
    assert rest.call("GET", f"/api/vcenter/vm/{vm._moId}/guest/identity")[1]["host_name"] == "app-01"
    assert rest.call("GET", "/api/vcenter/vm/vm-0")[0] == 404
    for kind in ("cluster", "datastore", "datacenter", "folder", "network", "resource-pool"):
        status, listed = rest.call("GET", f"/api/vcenter/{kind}")
        assert (status, bool(listed)) == (200, True), kind


def test_power(rest: Rest, vcenter: Any) -> None:
    vm = client.find_vm(vcenter.si, name="app-01")
    assert rest.call("POST", f"/api/vcenter/vm/{vm._moId}/power?action=stop")[0] == 204
    assert rest.call("GET", f"/api/vcenter/vm/{vm._moId}/power")[1]["state"] == "POWERED_OFF"
    status, problem = rest.call("POST", f"/api/vcenter/vm/{vm._moId}/power?action=stop")
    assert (status, problem["error_type"]) == (400, "NOT_ALLOWED_IN_CURRENT_STATE")
    assert rest.call("POST", f"/api/vcenter/vm/{vm._moId}/power?action=start")[0] == 204


def test_a_user_sees_and_does_what_permissions_allow(vcenter: Any) -> None:
    mine, other = (client.find_vm(vcenter.si, name=name) for name in ("app-01", "dc-01"))
    scene = {"state": "permission", "name": "app-01", "user": "rester", "password": "secret-of-tests"}
    vcenter.control.play({**scene, "privileges": ["VirtualMachine.Interact.PowerOff"]})
    rest = Rest(vcenter)
    pair = base64.b64encode(b"rester:secret-of-tests").decode()
    try:
        status, rest.session = rest.call("POST", "/api/session", Authorization=f"Basic {pair}")
        assert status == 201
        assert [m["name"] for m in rest.call("GET", "/api/vcenter/vm")[1]] == ["app-01"]
        assert rest.call("GET", "/api/vcenter/host")[1] == []
        for path in ("", "/power", "/tools"):
            assert rest.call("GET", f"/api/vcenter/vm/{mine._moId}{path}")[0] == 200
            assert rest.call("GET", f"/api/vcenter/vm/{other._moId}{path}")[0] == 403
        assert rest.call("POST", f"/api/vcenter/vm/{mine._moId}/power?action=stop")[0] == 204
        for machine, action in ((mine, "start"), (other, "stop")):
            status, no = rest.call("POST", f"/api/vcenter/vm/{machine._moId}/power?action={action}")
            assert (status, no["error_type"]) == (403, "UNAUTHORIZED")
        told = rest.rpc("com.vmware.vcenter.vm.power", "start", vm=mine._moId)["error"]["ERROR"]
        assert "com.vmware.vapi.std.errors.unauthorized" in told
        assert other.runtime.powerState == "poweredOn"
        spec = {"name": "tier", "description": "", "cardinality": "SINGLE", "associable_types": []}
        assert rest.call("POST", "/api/cis/tagging/category", spec)[0] == 403
        thing = {"id": mine._moId, "type": "VirtualMachine"}
        tagged = Rest(vcenter)
        _status, tagged.session = tagged.login()
        category = tagged.call("POST", "/api/cis/tagging/category", spec)[1]
        tag = tagged.call("POST", "/api/cis/tagging/tag", {"name": "gold", "description": "", "category_id": category})[
            1
        ]
        for action in ("attach", "detach"):
            path = f"/api/cis/tagging/tag-association/{tag}?action={action}"
            assert rest.call("POST", path, {"object_id": thing})[0] == 403
        assert tagged.call("DELETE", f"/api/cis/tagging/category/{category}")[0] == 204
    finally:
        vcenter.control.play({**scene, "off": True})
        client.wait(vcenter.si, mine.PowerOnVM_Task())


def test_tags_are_one_whichever_way_they_are_asked_for(rest: Rest, vcenter: Any) -> None:
    spec = {"name": "tier", "description": "", "cardinality": "SINGLE", "associable_types": []}
    category = rest.call("POST", "/api/cis/tagging/category", spec)[1]
    older = {"create_spec": {"name": "gold", "description": "", "category_id": category}}
    tag = rest.call("POST", "/rest/com/vmware/cis/tagging/tag", older)[1]["value"]
    assert rest.call("POST", "/api/cis/tagging/tag", older["create_spec"])[1]["error_type"] == "ALREADY_EXISTS"
    vm = client.find_vm(vcenter.si, name="app-01")
    thing = {"id": vm._moId, "type": "VirtualMachine"}
    association = "com.vmware.cis.tagging.tag_association"
    attached = rest.rpc(association, "attach", tag_id=tag, object_id={"STRUCTURE": {"any": thing}})
    assert "error" not in attached
    path = "/api/cis/tagging/tag-association?action=list-attached-tags"
    assert rest.call("POST", path, {"object_id": thing})[1] == [tag]
    model = rest.rpc("com.vmware.cis.tagging.tag", "get", tag_id=tag)["output"]
    assert model["STRUCTURE"]["com.vmware.cis.tagging.tag_model"]["category_id"] == category
    listed = rest.rpc(association, "list_attached_tags", object_id={"STRUCTURE": {"any": thing}})
    assert listed["output"] == [tag]
    assert rest.call("DELETE", f"/api/cis/tagging/category/{category}")[0] == 204
    assert rest.call("GET", "/api/cis/tagging/tag")[1] == []


def test_machines_over_json_rpc(rest: Rest) -> None:
    names = {"OPTIONAL": {"STRUCTURE": {"filter": {"names": {"OPTIONAL": ["app-01"]}}}}}
    (summary,) = rest.rpc("com.vmware.vcenter.VM", "list", filter=names)["output"]
    told = summary["STRUCTURE"]["com.vmware.vcenter.VM.summary"]
    assert (told["name"], told["cpu_count"]) == ("app-01", {"OPTIONAL": 2})
    assert (
        "com.vmware.vapi.std.errors.not_found" in rest.rpc("com.vmware.vcenter.VM", "get", vm="vm-0")["error"]["ERROR"]
    )
