// SPDX-License-Identifier: GPL-3.0-or-later
// Microsoft's SDK for JavaScript: two machines around the circle. Arguments: VAULT MACHINE, for each generation in turn.
// LOOKS names the command that says whether a machine is at a place in vCenter.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { SiteRecoveryManagementClient } from "@azure/arm-recoveryservices-siterecovery";
import { EnvironmentCredential } from "@azure/identity";

const { env } = process;
const endpoint = env.AZURE_RESOURCE_MANAGER_ENDPOINT;
const group = env.ASR_RESOURCE_GROUP;
const pace = { updateIntervalInMs: 1000 };
const patience = 120_000;

const client = new SiteRecoveryManagementClient(
  new EnvironmentCredential({ disableInstanceDiscovery: true }),
  env.AZURE_SUBSCRIPTION_ID,
  { endpoint, credentialScopes: [`${endpoint}/.default`] },
);

const at = (machine, place) => execFileSync(env.LOOKS_PYTHON, [env.LOOKS, machine, place], { stdio: "inherit" });

async function all(list) {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
}

class Circle {
  static async open(vault) {
    const circle = new Circle();
    circle.vault = vault;
    const [fabric] = await all(client.replicationFabrics.list(vault, group));
    const [container] = await all(
      client.replicationProtectionContainers.listByReplicationFabrics(vault, group, fabric.name),
    );
    circle.fabric = fabric.name;
    circle.place = [vault, group, fabric.name, container.name];
    return circle;
  }

  async tour() {
    const { vault } = this;
    const lists = {
      items: client.replicationProtectedItems.list(vault, group),
      protectable: client.replicationProtectableItems.listByReplicationProtectionContainers(...this.place),
      mappings: client.replicationProtectionContainerMappings.list(vault, group),
      policies: client.replicationPolicies.list(vault, group),
      jobs: client.replicationJobs.list(vault, group),
      events: client.replicationEvents.list(vault, group),
      plans: client.replicationRecoveryPlans.list(vault, group),
      providers: client.replicationRecoveryServicesProviders.list(vault, group),
      servers: client.replicationvCenters.list(vault, group),
      networks: client.replicationNetworks.list(vault, group),
      appliances: client.replicationAppliances.list(vault, group),
    };
    const found = {};
    for (const [name, list] of Object.entries(lists)) found[name] = (await all(list)).length;
    return found;
  }

  async item(name) {
    const items = await all(client.replicationProtectedItems.list(this.vault, group));
    const thin = items.find((item) => item.properties.friendlyName === name);
    assert(thin, `${name} is not in ${this.vault}`);
    return client.replicationProtectedItems.get(...this.place, thin.name);
  }

  async until(name, what, good) {
    const deadline = Date.now() + patience;
    for (;;) {
      const item = await this.item(name);
      if (good(item.properties)) return item;
      assert(Date.now() < deadline, `${name}: ${what} is not so after ${patience / 1000} s`);
      await pause(1000);
    }
  }

  allowed(name, operation) {
    return this.until(name, operation, (properties) => properties.allowedOperations.includes(operation));
  }

  registered(name) {
    return this.until(name, "the agent's registration", ({ providerSpecificDetails: details, ...properties }) =>
      "isAgentRegistrationSuccessfulAfterFailover" in details
        ? details.isAgentRegistrationSuccessfulAfterFailover === true
        : details.lastHeartbeat > properties.lastSuccessfulFailoverTime,
    );
  }

  // Begin an operation, let the SDK's poller wait for its end, and take what it returns.
  async run(verb, name, body) {
    const { name: id } = await this.item(name);
    const given = body === undefined ? [] : [body];
    const item = await client.replicationProtectedItems[`begin${verb}AndWait`](...this.place, id, ...given, pace);
    assert.equal(item.properties.friendlyName, name, `${verb} of ${name}`);
    return item;
  }

  async servers() {
    const fabric = await client.replicationFabrics.get(this.vault, group, this.fabric);
    return fabric.properties.customDetails;
  }

  async policy(kind) {
    const policies = await all(client.replicationPolicies.list(this.vault, group));
    return policies.find((policy) => policy.properties.providerSpecificDetails.instanceType === kind).id;
  }

  async classic(name) {
    at(name, "home");
    const { osType } = (await this.item(name)).properties.providerSpecificDetails;
    await this.run("UnplannedFailover", name, failover({ instanceType: "InMageAzureV2" }));
    at(name, "off");
    await this.run("FailoverCommit", name);
    await this.registered(name);
    const { masterTargetServers, processServers, runAsAccounts, hostName } = await this.servers();
    const target = masterTargetServers.find((one) => one.osType === osType);
    await this.run(
      "Reprotect",
      name,
      reverse("RecoveryToPrimary", {
        instanceType: "InMage",
        masterTargetId: target.id,
        processServerId: processServers[0].id,
        retentionDrive: target.retentionVolumes[0].volumeName,
        profileId: await this.policy("InMage"),
        runAsAccountId: runAsAccounts[0].accountId,
        datastoreName: target.dataStores[0].symbolicName,
      }),
    );
    at(name, "lent");
    await this.allowed(name, "UnplannedFailover");
    await this.run("UnplannedFailover", name, failover({ instanceType: "InMage", recoveryPointType: "LatestTime" }));
    at(name, "home");
    await this.run("FailoverCommit", name);
    await this.registered(name);
    const server = processServers.find((one) => one.friendlyName === hostName);
    await this.run(
      "Reprotect",
      name,
      reverse("RecoveryToPrimary", {
        instanceType: "InMageAzureV2",
        masterTargetId: server.id,
        processServerId: server.id,
        runAsAccountId: runAsAccounts[0].accountId,
        policyId: await this.policy("InMageAzureV2"),
      }),
    );
    await this.allowed(name, "UnplannedFailover");
    at(name, "home");
  }

  async modernized(name) {
    at(name, "home");
    await this.run("UnplannedFailover", name, failover({ instanceType: "InMageRcm", performShutdown: "true" }));
    at(name, "off");
    const item = await this.registered(name);
    const { reprotectAgents, processServers } = await this.servers();
    const [agent] = reprotectAgents;
    // Without a commit: a modernized vault allows it.
    await this.run(
      "Reprotect",
      name,
      reverse("RecoveryToPrimary", {
        instanceType: "InMageRcm",
        reprotectAgentId: agent.id,
        datastoreName: agent.accessibleDatastores[0],
        logStorageAccountId: item.properties.providerSpecificDetails.protectedDisks[0].logStorageAccountId,
      }),
    );
    at(name, "lent");
    await this.allowed(name, "PlannedFailover");
    await this.run("PlannedFailover", name, {
      properties: {
        providerSpecificDetails: { instanceType: "InMageRcmFailback", recoveryPointType: "CrashConsistent" },
      },
    });
    at(name, "home");
    await this.run("FailoverCommit", name);
    await this.registered(name);
    await this.run(
      "Reprotect",
      name,
      reverse("PrimaryToRecovery", {
        instanceType: "InMageRcmFailback",
        processServerId: processServers[0].id,
        policyId: await this.policy("InMageRcm"),
      }),
    );
    await this.allowed(name, "UnplannedFailover");
    at(name, "home");
  }
}

const failover = (providerSpecificDetails) => ({
  properties: { failoverDirection: "PrimaryToRecovery", sourceSiteOperations: "Required", providerSpecificDetails },
});

const reverse = (failoverDirection, providerSpecificDetails) => ({
  properties: { failoverDirection, providerSpecificDetails },
});

const [classicVault, classicMachine, modernizedVault, modernizedMachine] = process.argv.slice(2);
for (const [vault, walk, machine] of [
  [classicVault, "classic", classicMachine],
  [modernizedVault, "modernized", modernizedMachine],
]) {
  const circle = await Circle.open(vault);
  console.log(vault, await circle.tour());
  await circle[walk](machine);
  console.log(`${machine} has been to Azure and is home again`);
}
