# SPDX-License-Identifier: GPL-3.0-or-later
"""Cancel, restart, resume and export of jobs (SPEC as calls)."""

from __future__ import annotations

from rehearsal.azure.call import Call, Reply
from rehearsal.azure.engine import check_support
from rehearsal.azure.errors import item_not_found, refused
from rehearsal.azure.jobs import Job
from rehearsal.azure.routes.base import VAULT, Service, route, vault_of
from rehearsal.azure.routes.jobs import accepted
from rehearsal.azure.side import cancel, restart
from rehearsal.azure.words import same

JOB = f"{VAULT}/replicationjobs/*"


def _job(call: Call) -> Job:
    vault = vault_of(call)
    check_support(vault, call.ids)
    job = vault.jobs.get(call.name(1).lower())
    if job is None:
        raise item_not_found(call.name(1), call.ids)
    return job


@route("POST", f"{JOB}/cancel")
async def cancel_job(service: Service, call: Call) -> Reply:
    job = _job(call)
    cancel(service.engine, job)
    service.ledger.count_accepted(job.target_name, "cancelJob", None, job.name)
    return accepted(service, call, job)


@route("POST", f"{JOB}/restart")
async def restart_job(service: Service, call: Call) -> Reply:
    job = _job(call)
    restart(service.engine, job, call.ids)
    service.ledger.count_accepted(job.target_name, "restartJob", None, job.name)
    return accepted(service, call, job)


@route("POST", f"{JOB}/resume")
async def resume_job(service: Service, call: Call) -> Reply:
    """Only a job that waits for somebody can be resumed."""
    job = _job(call)
    if job.resumed is None or job.state != "Suspended":
        raise refused(
            400, "JobCannotBeResumed", f"The job {job.name} is {job.state}; it does not wait for a manual action."
        )
    job.resumed.set()
    service.ledger.count_accepted(job.target_name, "resumeJob", call.json() or None, job.name)
    return accepted(service, call, job)


@route("POST", JOB)
async def export_jobs(service: Service, call: Call) -> Reply:
    """``replicationJobs/export``: the word is in the place of a job's name."""
    vault = vault_of(call)
    if not same(call.name(1), "export"):
        raise refused(405, "MethodNotAllowed", "The method POST is not allowed for this resource.")
    job = service.engine.side_job(vault, "ExportJobs", "Export jobs", "refresh", None, call.ids[0])
    job.owner_path = f"{vault.id}/replicationJobs/{job.name}"
    service.ledger.count_accepted("*", "exportJobs", call.json() or None, job.name)
    return accepted(service, call, job)
