// SPDX-License-Identifier: GPL-3.0-or-later

// Command clients takes a machine of each generation around the circle with Microsoft's SDK for Go, and lets govc say after
// each step what vCenter shows. Arguments: VAULT MACHINE, the classic pair first. GOVC names the govc program.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	asr "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/recoveryservices/armrecoveryservicessiterecovery/v2"
)

const (
	pace     = time.Second
	patience = 2 * time.Minute
)

// circle is one machine of one vault.
type circle struct {
	clients                               *asr.ClientFactory
	group, vault, fabric, container, name string
	look                                  *looks
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func assert(good bool, text string, values ...any) {
	if !good {
		log.Fatalf(text, values...)
	}
}

func all[T, E any](pager *runtime.Pager[T], entries func(T) []*E) []*E {
	var found []*E
	for pager.More() {
		found = append(found, entries(must(pager.NextPage(context.Background())))...)
	}
	return found
}

func login() *asr.ClientFactory {
	endpoint := os.Getenv("AZURE_RESOURCE_MANAGER_ENDPOINT")
	rehearsal := azcore.ClientOptions{Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: os.Getenv("AZURE_AUTHORITY_HOST"),
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: endpoint, Audience: endpoint},
		},
	}}
	identity := must(azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{
		ClientOptions: rehearsal, DisableInstanceDiscovery: true,
	}))
	return must(asr.NewClientFactory(os.Getenv("AZURE_SUBSCRIPTION_ID"), identity, &arm.ClientOptions{ClientOptions: rehearsal}))
}

func open(clients *asr.ClientFactory, vault, name string) *circle {
	c := &circle{clients: clients, group: os.Getenv("ASR_RESOURCE_GROUP"), vault: vault, name: name, look: newLooks()}
	fabrics := all(
		clients.NewReplicationFabricsClient().NewListPager(vault, c.group, nil),
		func(page asr.ReplicationFabricsClientListResponse) []*asr.Fabric { return page.Value },
	)
	c.fabric = *fabrics[0].Name
	containers := all(
		clients.NewReplicationProtectionContainersClient().NewListByReplicationFabricsPager(vault, c.group, c.fabric, nil),
		func(page asr.ReplicationProtectionContainersClientListByReplicationFabricsResponse) []*asr.ProtectionContainer {
			return page.Value
		},
	)
	c.container = *containers[0].Name
	return c
}

// item is the single item of the machine: an entry of a list is thin.
func (c *circle) item() asr.ReplicationProtectedItem {
	items := c.clients.NewReplicationProtectedItemsClient()
	for _, one := range all(
		items.NewListPager(c.vault, c.group, nil),
		func(page asr.ReplicationProtectedItemsClientListResponse) []*asr.ReplicationProtectedItem {
			return page.Value
		},
	) {
		if *one.Properties.FriendlyName == c.name {
			found := must(items.Get(context.Background(), c.vault, c.group, c.fabric, c.container, *one.Name, nil))
			return found.ReplicationProtectedItem
		}
	}
	log.Fatalf("%s is not in %s", c.name, c.vault)
	return asr.ReplicationProtectedItem{}
}

func (c *circle) until(what string, good func(asr.ReplicationProtectedItem) bool) asr.ReplicationProtectedItem {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pace) {
		if item := c.item(); good(item) {
			return item
		}
	}
	log.Fatalf("%s: %s is not so after %v", c.name, what, patience)
	return asr.ReplicationProtectedItem{}
}

func (c *circle) allowed(operation string) {
	c.until(operation, func(item asr.ReplicationProtectedItem) bool {
		return slices.ContainsFunc(item.Properties.AllowedOperations, func(word *string) bool { return *word == operation })
	})
}

// registered waits until the agent has reported from where the machine runs now.
func (c *circle) registered() asr.ReplicationProtectedItem {
	return c.until("the agent's registration", func(item asr.ReplicationProtectedItem) bool {
		moved, beat := item.Properties.LastSuccessfulFailoverTime, (*time.Time)(nil)
		switch details := item.Properties.ProviderSpecificDetails.(type) {
		case *asr.InMageRcmReplicationDetails:
			return details.IsAgentRegistrationSuccessfulAfterFailover != nil && *details.IsAgentRegistrationSuccessfulAfterFailover
		case *asr.InMageRcmFailbackReplicationDetails:
			return true
		case *asr.InMageAzureV2ReplicationDetails:
			beat = details.LastHeartbeat
		case *asr.InMageReplicationDetails:
			beat = details.LastHeartbeat
		}
		return beat != nil && moved != nil && beat.After(*moved)
	})
}

// ended lets the SDK's poller wait for an operation.
func ended[T any](c *circle, poller *runtime.Poller[T], err error) {
	assert(err == nil, "%s: %v", c.name, err)
	must(poller.PollUntilDone(context.Background(), &runtime.PollUntilDoneOptions{Frequency: pace}))
}

func (c *circle) leave(direction string, details asr.UnplannedFailoverProviderSpecificInputClassification) {
	input := asr.UnplannedFailoverInput{Properties: &asr.UnplannedFailoverInputProperties{
		FailoverDirection: &direction, SourceSiteOperations: to.Ptr("Required"), ProviderSpecificDetails: details,
	}}
	poller, err := c.clients.NewReplicationProtectedItemsClient().BeginUnplannedFailover(
		context.Background(), c.vault, c.group, c.fabric, c.container, *c.item().Name, input, nil,
	)
	ended(c, poller, err)
}

func (c *circle) commit() {
	poller, err := c.clients.NewReplicationProtectedItemsClient().BeginFailoverCommit(
		context.Background(), c.vault, c.group, c.fabric, c.container, *c.item().Name, nil,
	)
	ended(c, poller, err)
}

func (c *circle) reprotect(direction string, details asr.ReverseReplicationProviderSpecificInputClassification) {
	input := asr.ReverseReplicationInput{Properties: &asr.ReverseReplicationInputProperties{
		FailoverDirection: &direction, ProviderSpecificDetails: details,
	}}
	poller, err := c.clients.NewReplicationProtectedItemsClient().BeginReprotect(
		context.Background(), c.vault, c.group, c.fabric, c.container, *c.item().Name, input, nil,
	)
	ended(c, poller, err)
}

func (c *circle) planned() {
	input := asr.PlannedFailoverInput{Properties: &asr.PlannedFailoverInputProperties{
		FailoverDirection: to.Ptr("RecoveryToPrimary"),
		ProviderSpecificDetails: &asr.InMageRcmFailbackPlannedFailoverProviderInput{
			RecoveryPointType: to.Ptr(asr.InMageRcmFailbackRecoveryPointTypeCrashConsistent),
		},
	}}
	poller, err := c.clients.NewReplicationProtectedItemsClient().BeginPlannedFailover(
		context.Background(), c.vault, c.group, c.fabric, c.container, *c.item().Name, input, nil,
	)
	ended(c, poller, err)
}

// servers are in the single fabric only.
func (c *circle) servers() asr.FabricSpecificDetailsClassification {
	fabric := must(c.clients.NewReplicationFabricsClient().Get(context.Background(), c.vault, c.group, c.fabric, nil))
	return fabric.Properties.CustomDetails
}

func (c *circle) policy(good func(asr.PolicyProviderSpecificDetailsClassification) bool) *string {
	for _, policy := range all(
		c.clients.NewReplicationPoliciesClient().NewListPager(c.vault, c.group, nil),
		func(page asr.ReplicationPoliciesClientListResponse) []*asr.Policy { return page.Value },
	) {
		if good(policy.Properties.ProviderSpecificDetails) {
			return policy.ID
		}
	}
	log.Fatalf("%s has no such policy", c.vault)
	return nil
}

func is[T any](details asr.PolicyProviderSpecificDetailsClassification) bool {
	_, good := details.(T)
	return good
}

func (c *circle) classic() {
	c.look.at(c.name, home)
	system := *c.item().Properties.ProviderSpecificDetails.(*asr.InMageAzureV2ReplicationDetails).OSType
	c.leave("PrimaryToRecovery", &asr.InMageAzureV2UnplannedFailoverInput{})
	c.look.at(c.name, off)
	c.commit()
	c.registered()
	servers := c.servers().(*asr.VMwareDetails)
	at := slices.IndexFunc(servers.MasterTargetServers, func(one *asr.MasterTargetServer) bool { return *one.OSType == system })
	target, account := servers.MasterTargetServers[at], servers.RunAsAccounts[0].AccountID
	c.reprotect("RecoveryToPrimary", &asr.InMageReprotectInput{
		MasterTargetID: target.ID, ProcessServerID: servers.ProcessServers[0].ID, RunAsAccountID: account,
		RetentionDrive: target.RetentionVolumes[0].VolumeName, DatastoreName: target.DataStores[0].SymbolicName,
		ProfileID: c.policy(is[*asr.InMagePolicyDetails]),
	})
	c.look.at(c.name, lent)
	c.allowed("UnplannedFailover")
	c.leave("PrimaryToRecovery", &asr.InMageUnplannedFailoverInput{RecoveryPointType: to.Ptr(asr.RecoveryPointTypeLatestTime)})
	c.look.at(c.name, home)
	c.commit()
	c.registered()
	own := slices.IndexFunc(servers.ProcessServers, func(one *asr.ProcessServer) bool {
		return *one.FriendlyName == *servers.HostName
	})
	server := servers.ProcessServers[own].ID
	c.reprotect("RecoveryToPrimary", &asr.InMageAzureV2ReprotectInput{
		MasterTargetID: server, ProcessServerID: server, RunAsAccountID: account, PolicyID: c.policy(is[*asr.InMageAzureV2PolicyDetails]),
	})
	c.allowed("UnplannedFailover")
	c.look.at(c.name, home)
}

func (c *circle) modernized() {
	c.look.at(c.name, home)
	c.leave("PrimaryToRecovery", &asr.InMageRcmUnplannedFailoverInput{PerformShutdown: to.Ptr("true")})
	c.look.at(c.name, off)
	c.commit()
	details := c.registered().Properties.ProviderSpecificDetails.(*asr.InMageRcmReplicationDetails)
	servers := c.servers().(*asr.InMageRcmFabricSpecificDetails)
	agent := servers.ReprotectAgents[0]
	c.reprotect("RecoveryToPrimary", &asr.InMageRcmReprotectInput{
		ReprotectAgentID: agent.ID, DatastoreName: agent.AccessibleDatastores[0],
		LogStorageAccountID: details.ProtectedDisks[0].LogStorageAccountID,
	})
	c.look.at(c.name, lent)
	c.allowed("PlannedFailover")
	c.planned()
	c.look.at(c.name, home)
	c.commit()
	c.registered()
	c.reprotect("PrimaryToRecovery", &asr.InMageRcmFailbackReprotectInput{
		ProcessServerID: servers.ProcessServers[0].ID, PolicyID: c.policy(is[*asr.InMageRcmPolicyDetails]),
	})
	c.allowed("UnplannedFailover")
	c.look.at(c.name, home)
}

func main() {
	log.SetFlags(0)
	assert(len(os.Args) == 5, "arguments: VAULT MACHINE VAULT MACHINE")
	clients := login()
	classic, modernized := open(clients, os.Args[1], os.Args[2]), open(clients, os.Args[3], os.Args[4])
	for _, one := range []struct {
		circle *circle
		walk   func()
	}{{classic, classic.classic}, {modernized, modernized.modernized}} {
		one.walk()
		fmt.Printf("%s of %s went around the circle\n", one.circle.name, one.circle.vault)
	}
	_, err := clients.NewReplicationProtectedItemsClient().Get(
		context.Background(), classic.vault, classic.group, classic.fabric, classic.container, "none", nil,
	)
	var refusal *azcore.ResponseError
	assert(errors.As(err, &refusal) && refusal.StatusCode == 404 && strings.Contains(err.Error(), "none"), "a missing item is %v", err)
}
