# SPDX-License-Identifier: GPL-3.0-or-later
"""A small controller on loopback: it keeps objects, links them, and takes only what the modules' documentation names.

It answers as AWX's API does where the modules of awx.awx look: lists with filters, objects by id, surveys, links between objects, approvals
of workflow nodes. Nothing is launched.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

Json = dict[str, Any]

#: Kind of object -> module whose documentation names its fields.
MODULES = {
    "organizations": "organization",
    "credentials": "credential",
    "credential_types": "credential_type",
    "execution_environments": "execution_environment",
    "notification_templates": "notification_template",
    "projects": "project",
    "inventories": "inventory",
    "hosts": "host",
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "workflow_job_template_nodes": "workflow_job_template_node",
    "schedules": "schedule",
}
#: Field -> kind of the object it refers to.
REFERENCES = {
    "organization": "organizations",
    "credential": "credentials",
    "execution_environment": "execution_environments",
    "default_environment": "execution_environments",
    "inventory": "inventories",
    "project": "projects",
    "workflow_job_template": "workflow_job_templates",
    "unified_job_template": "unified_job_templates",
}
#: Kind -> links that it has.
NOTIFIED = ("notification_templates_started", "notification_templates_success", "notification_templates_error")
LINKS = {
    "job_templates": ("credentials", "labels", "instance_groups", *NOTIFIED),
    "workflow_job_templates": ("labels", *NOTIFIED, "notification_templates_approvals"),
    "workflow_job_template_nodes": ("success_nodes", "failure_nodes", "always_nodes", "credentials"),
    "projects": NOTIFIED,
    "inventories": ("instance_groups", "input_inventories"),
    "schedules": ("credentials", "labels", "instance_groups"),
}
UNIFIED = ("job_templates", "workflow_job_templates", "projects", "workflow_approval_templates")
#: Fields that the API has and the modules send without an option of that name.
BESIDE = {"credential_types": {"managed"}, "workflow_job_template_nodes": {"type"}}
#: Fields that the API keeps as JSON text.
TEXTS = frozenset({"extra_vars", "variables"})
QUESTIONS = frozenset({"text", "textarea", "password", "integer", "float", "multiplechoice", "multiselect"})
PLAIN = {"str": "", "bool": False, "int": 0, "dict": {}, "list": []}


class Wrong(Exception):
    """HTTP 400 with the field and what is wrong with it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.answer = {field: [text]}


class Controller(ThreadingHTTPServer):
    """``modules`` is the directory of the modules, ``playbooks`` what the project's repository holds."""

    def __init__(self, modules: Path, playbooks: set[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.playbooks = playbooks
        self.options = {kind: documented(modules / f"{name}.py") for kind, name in MODULES.items()}
        self.store: dict[str, dict[int, Json]] = {kind: {} for kind in (*MODULES, "workflow_approval_templates")}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.surveys: dict[int, Json] = {}
        self.ids = itertools.count(1)
        self.writes: list[str] = []
        self.lock = threading.Lock()

    def __enter__(self) -> Controller:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def named(self, kind: str, name: str) -> Json:
        (found,) = [o for o in self.store[kind].values() if o.get("name", o.get("identifier")) in (name,)]
        return found

    def node(self, identifier: str) -> Json:
        (found,) = [o for o in self.store["workflow_job_template_nodes"].values() if o["identifier"] == identifier]
        return found

    def linked(self, kind: str, item: Json, link: str) -> list[Json]:
        return [self.find(LINK_KIND.get(link, link), i) for i in self.links.get((kind, item["id"], link), [])]

    def find(self, kind: str, number: int) -> Json:
        for one in UNIFIED if kind == "unified_job_templates" else (kind,):
            if number in self.store[one]:
                return self.store[one][number]
        raise KeyError(f"{kind} {number}")

    def every(self, kind: str) -> Iterator[Json]:
        for one in UNIFIED if kind == "unified_job_templates" else (kind,):
            yield from self.store[one].values()

    def add(self, kind: str, data: Json) -> Json:
        number = next(self.ids)
        defaults: Json = {}
        for field, option in self.options.get(kind, {}).items():
            defaults[field] = None if field in REFERENCES else PLAIN.get(option.get("type", "str"))
            if field in TEXTS:
                defaults[field] = ""
        for link in LINKS.get(kind, ()):
            defaults.pop(link, None)
        related = {"survey_spec": f"/api/v2/{kind}/{number}/survey_spec/"} if kind.endswith("job_templates") else {}
        item = {
            **defaults,
            "scm_revision": "",
            "host_filter": None,
            **data,
            "id": number,
            "type": kind.removesuffix("s"),
            "url": f"/api/v2/{kind}/{number}/",
            "related": related,
            "summary_fields": {},
        }
        self.store[kind][number] = item
        return item

    def check(self, kind: str, data: Mapping[str, Any], former: Mapping[str, Any]) -> None:
        """Refuse what the API would refuse. Raises Wrong."""
        options = self.options[kind]
        for field, value in data.items():
            if field in BESIDE.get(kind, set()):
                continue
            option = options.get(field)
            if option is None:
                raise Wrong(field, "this field is unknown")
            if field in LINKS.get(kind, ()) or option.get("type") == "list":
                raise Wrong(field, "objects are linked one by one")
            if field in REFERENCES:
                try:
                    self.find(REFERENCES[field], int(value))
                except (KeyError, TypeError, ValueError):
                    raise Wrong(field, f"there is no {REFERENCES[field]} {value!r}") from None
                continue
            kinds = {"int": int, "bool": bool, "dict": dict, "str": str}
            wanted = str if field in TEXTS else kinds.get(option.get("type", "str"), object)
            if value is not None and not isinstance(value, wanted):
                raise Wrong(field, f"{value!r} is no {wanted.__name__}")
            if "choices" in option and value not in ("", None) and value not in option["choices"]:
                raise Wrong(field, f"{value!r} is none of {option['choices']}")
        whole = {**former, **data}
        extra = getattr(self, f"check_{kind}", None)
        if extra is not None:
            extra(whole)

    def check_job_templates(self, whole: Json) -> None:
        for field in ("inventory", "project", "playbook"):
            if not whole.get(field):
                raise Wrong(field, "this field may not be blank")
        if whole["playbook"] not in self.playbooks:
            raise Wrong("playbook", f"Playbook {whole['playbook']} not found for project.")

    def check_credential_types(self, whole: Json) -> None:
        known = {field["id"] for field in whole["inputs"]["fields"]}
        if unknown := set(whole["inputs"].get("required", ())) - known:
            raise Wrong("inputs", f"required fields are undefined: {unknown}")
        for name in re.findall(r"{{ *([a-z_.]+) *}}", json.dumps(whole["injectors"])):
            if name not in known and not name.startswith("tower.filename"):
                raise Wrong("injectors", f"{name} is undefined")

    def check_schedules(self, whole: Json) -> None:
        if not re.match(r"DTSTART(;TZID=\S+)?:\d{8}T\d{6}Z? RRULE:.*INTERVAL=\d+", whole["rrule"]):
            raise Wrong("rrule", "DTSTART, RRULE and INTERVAL are required")


#: Link -> kind of what is linked, where the names differ.
LINK_KIND = dict.fromkeys((*NOTIFIED, "notification_templates_approvals"), "notification_templates") | dict.fromkeys(
    ("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes"
)


def documented(path: Path) -> Json:
    """The options of a module, as its documentation names them."""
    text = re.search(r"DOCUMENTATION = '''(.*?)'''", path.read_text(encoding="utf-8"), re.DOTALL)
    assert text is not None, path
    options: Json = yaml.safe_load(text[1])["options"]
    return options


def check_survey(spec: Json) -> None:
    """As AWX checks a survey. Raises Wrong."""
    if set(spec) != {"name", "description", "spec"} or not spec["spec"]:
        raise Wrong("error", "name, description and a spec that is not empty are needed")
    seen: set[str] = set()
    for question in spec["spec"]:
        for key in ("type", "question_name", "variable", "required"):
            if key not in question:
                raise Wrong("error", f"{key} is missing in a question")
        if question["type"] not in QUESTIONS or not question["question_name"] or question["variable"] in seen:
            raise Wrong("error", f"the question of {question['variable']} is wrong")
        seen.add(question["variable"])
        if question["type"] == "multiplechoice":
            choices = question["choices"]
            if not choices or question["default"] not in ("", *choices):
                raise Wrong("error", f"the choices of {question['variable']} are wrong")


class Handler(BaseHTTPRequestHandler):
    server: Controller

    def log_message(self, *_args: Any) -> None:
        """Nothing on standard error."""

    def do_GET(self) -> None:
        self.handle_it("GET")

    def do_POST(self) -> None:
        self.handle_it("POST")

    def do_PATCH(self) -> None:
        self.handle_it("PATCH")

    def do_DELETE(self) -> None:
        self.handle_it("DELETE")

    def handle_it(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "{}") if length else {}
        with self.server.lock:
            if method != "GET":
                self.server.writes.append(f"{method} {self.path}")
            try:
                status, answer = self.answered(method, body)
            except Wrong as wrong:
                status, answer = 400, wrong.answer
            except KeyError:
                status, answer = 404, {"detail": "Not found."}
        data = b"" if status == 204 else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answered(self, method: str, body: Json) -> tuple[int, Any]:
        parts = urlsplit(self.path)
        if self.headers.get("Authorization") != "Bearer token-of-the-test":
            return 401, {"detail": "Authentication credentials were not provided."}
        found = re.fullmatch(r"/api/v2/([a-z_]+)/(?:(\d+)/)?(?:([a-z_]+)/)?", parts.path)
        if found is None:
            raise KeyError(parts.path)
        kind, number, sub = found[1], found[2], found[3]
        if number is None:
            return self.listed(kind, dict(parse_qsl(parts.query))) if method == "GET" else self.made(kind, body)
        item = self.server.find(kind, int(number))
        if sub is not None:
            return self.under(method, kind, item, sub, body)
        if method == "PATCH":
            if kind in self.server.options:
                self.server.check(kind, body, item)
            item.update(body)
        return 200, item

    def listed(self, kind: str, query: dict[str, str]) -> tuple[int, Any]:
        if kind != "unified_job_templates" and kind not in self.server.store:
            raise KeyError(kind)
        either = {k.removeprefix("or__"): v for k, v in query.items() if k.startswith("or__")}
        every = {k: v for k, v in query.items() if not k.startswith("or__")}
        results = [
            item
            for item in self.server.every(kind)
            if all(str(item.get(k)) == v for k, v in every.items())
            and (not either or any(str(item.get(k)) == v for k, v in either.items()))
        ]
        return 200, {"count": len(results), "next": None, "previous": None, "results": results}

    def made(self, kind: str, body: Json) -> tuple[int, Any]:
        self.server.check(kind, body, {})
        name = "identifier" if kind == "workflow_job_template_nodes" else "name"
        beside = ("organization", "inventory", "workflow_job_template", "unified_job_template")
        for other in self.server.store[kind].values():
            if other.get(name) == body.get(name) and all(other.get(f) == body.get(f) for f in beside if f in body):
                raise Wrong("__all__", f"{kind} with this {name} already exists")
        return 201, self.server.add(kind, body)

    def under(self, method: str, kind: str, item: Json, sub: str, body: Json) -> tuple[int, Any]:
        server = self.server
        if sub == "survey_spec" and kind.endswith("job_templates"):
            if method == "POST":
                check_survey(body)
                server.surveys[item["id"]] = body
                return 200, {}
            return 200, server.surveys.get(item["id"], {})
        if sub == "create_approval_template" and kind == "workflow_job_template_nodes":
            unknown = set(body) - {"name", "description", "timeout"}
            if unknown or not body.get("name"):
                raise Wrong("name", f"unknown or missing: {unknown or 'name'}")
            made = server.add("workflow_approval_templates", {"description": "", "timeout": 0, **body})
            item["unified_job_template"] = made["id"]
            item["related"]["unified_job_template"] = made["url"]
            return 201, made
        if sub not in LINKS.get(kind, ()):
            raise KeyError(sub)
        linked = server.links.setdefault((kind, item["id"], sub), [])
        if method == "POST":
            server.find(LINK_KIND.get(sub, sub), body["id"])
            if body.get("disassociate"):
                linked.remove(body["id"])
            else:
                linked.append(body["id"])
            return 204, None
        results = [server.find(LINK_KIND.get(sub, sub), number) for number in linked]
        return 200, {"count": len(results), "next": None, "previous": None, "results": results}
