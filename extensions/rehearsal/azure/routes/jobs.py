# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, and the two links of a 202."""

from __future__ import annotations

from rehearsal.azure import fabric, inventory
from rehearsal.azure.call import Call, Reply
from rehearsal.azure.clock import parse_time
from rehearsal.azure.errors import item_not_found, refused
from rehearsal.azure.filters import Term, holds, parse_filter
from rehearsal.azure.jobs import Job
from rehearsal.azure.paging import make_token, next_link, page_text, read_token, sign
from rehearsal.azure.routes.base import FABRIC, ITEM, ROUTES, VAULT, Service, named, reply, route, vault_of
from rehearsal.azure.words import same


def accepted(service: Service, call: Call, job: Job) -> Reply:
    """202, empty, with both links and Retry-After; status answers carry none (SEEN)."""
    world = service.world
    query = f"api-version={call.api_version}"
    if world.settings.signed_links:
        query += signature(job, world.clock.now())
    headers = {
        "Location": f"{call.base_url}{job.owner_path}/operationresults/{job.name}?{query}",
        "Azure-AsyncOperation": f"{call.base_url}{job.vault.id}/replicationOperationStatus/{job.name}?{query}",
        "Retry-After": pace(service),
    }
    if job.item is not None:
        headers["x-ms-request-id"] = job.id
    return reply("", 202, **headers)


def pace(service: Service) -> str:
    """Retry-After: service seconds in real ones, at least one."""
    world = service.world
    return str(max(1, round(world.settings.retry_after / world.clock.speed)))


def signature(job: Job, now: float) -> str:
    stamp = str(int(now * 1000))
    return f"&t={stamp}&c={sign('c' + job.name)}&s={sign(f's{job.name}|{stamp}')}&h={sign('h' + job.name)}"


def _linked_job(service: Service, call: Call, name: str) -> Job:
    """The job a link names; where links are signed they work only as given (INFER: 403)."""
    job = vault_of(call).jobs.get(name.lower())
    if job is None:
        raise item_not_found(name, call.ids)
    if service.world.settings.signed_links:
        query = call.query
        good = sign(f"s{job.name}|{query.get('t', '')}")
        if query.get("s") != good or query.get("c") != sign("c" + job.name) or query.get("h") != sign("h" + job.name):
            raise refused(403, "AuthorizationFailed", "The signature of the operation link is missing or wrong.")
    return job


@route("GET", f"{VAULT}/replicationoperationstatus/*")
async def operation_status(service: Service, call: Call) -> Reply:
    job = _linked_job(service, call, call.name(1))
    return reply(job.operation_status(service.world.clock.now()))


async def _operation_result(service: Service, call: Call) -> Reply:
    """202 while the job lives; then the object (SPEC), which is where the SDK's poller ends."""
    assert call.path is not None
    job = _linked_job(service, call, call.path.names[-1])
    if job.ended is None:
        return reply("", 202, Location=call.url, **{"Retry-After": pace(service)})
    if job.leaves_nothing:
        return reply("", 204)
    if job.scenario == "ExportJobs":
        return reply(job.full(service.world.clock.now()))
    if job.target_type == "RecoveryPlan":
        return reply(inventory.plan(job.vault, job.target_name))
    if job.item is not None:
        return reply(job.item.render())
    if job.scenario == "RefreshVaultHealth":
        return reply(inventory.vault_health(job.vault, service.world.clock))
    if job.scenario == "RefreshFabricLayout":
        return reply(named(call, 2, fabric.providers(job.vault, service.world.clock.now())))
    return reply(fabric.fabric(job.vault, await service.world.survey(), service.world.clock.now()))


for _owner in (
    ITEM,
    FABRIC,
    f"{VAULT}/replicationjobs/*",
    f"{VAULT}/replicationrecoveryplans/*",
    f"{FABRIC}/replicationrecoveryservicesproviders/*",
):
    ROUTES[("GET", f"{_owner}/operationresults/*")] = _operation_result


@route("GET", f"{VAULT}/replicationjobs")
async def list_jobs(service: Service, call: Call) -> Reply:
    """Newest first, without details, and behind by the lag."""
    vault = vault_of(call)
    moment = service.world.clock.now() - service.world.settings.lag
    known = (
        "starttime",
        "endtime",
        "jobstatus",
        "affectedobjecttypes",
        "fabricid",
        "jobname",
        "joboutputtype",
        "timezoneoffset",
    )
    terms = parse_filter(call.query.get("$filter"), known)

    def wanted(job: Job) -> bool:
        seen = job.state_at(moment)
        if seen is None:
            return False
        state, _dummy, ended = seen

        def true(term: Term) -> bool:
            key, _operator, value = term
            if key == "starttime":
                return (job.started or job.created) >= parse_time(value)
            if key == "endtime":
                return (ended or moment) <= parse_time(value)
            if key == "jobstatus":
                return state.lower() in [word.strip().lower() for word in value.split(",")]
            if key == "affectedobjecttypes":
                return same(job.target_type, value)
            return key != "jobname" or same(job.scenario, value)

        return holds(terms, true)

    # New jobs come in at the front: a token counts from the old end, so that no page shifts under a reader.
    jobs = [job for job in vault.jobs.values() if job.listed and wanted(job)]
    token = call.skip_token
    end = min(len(jobs), read_token("jobs", token)) if token else len(jobs)
    start = max(0, end - max(1, service.world.settings.page_size))
    link = None
    if start > 0:
        link = next_link(
            call.base_url, call.request.rel_url.raw_path, dict(call.request.query), make_token("jobs", start)
        )
    call.is_list = True
    return reply(page_text([job.list_entry(moment) or "null" for job in reversed(jobs[start:end])], link))


@route("GET", f"{VAULT}/replicationjobs/*")
async def get_job(service: Service, call: Call) -> Reply:
    job = vault_of(call).jobs.get(call.name(1).lower())
    if job is None:
        raise item_not_found(call.name(1), call.ids)
    # It holds the job's own path (SEEN).
    return reply(job.full(service.world.clock.now()), 200, **{"x-ms-request-id": job.id})
