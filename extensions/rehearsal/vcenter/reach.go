// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// touching are the calls that vCenter passes on to the host of a machine, or that need its configuration. Removing a machine
// from the inventory is none of them.
var touching = []string{
	"PowerOnVM_Task", "PowerOffVM_Task", "ResetVM_Task", "SuspendVM_Task", "ShutdownGuest", "RebootGuest", "StandbyGuest",
	"ReconfigVM_Task", "UpgradeVM_Task", "CustomizeVM_Task", "MarkAsTemplate", "CloneVM_Task", "InstantClone_Task",
	"CreateSnapshot_Task", "CreateSnapshotEx_Task", "RevertToCurrentSnapshot_Task", "RemoveAllSnapshots_Task",
	"ConsolidateVMDisks_Task", "AttachDisk_Task", "DetachDisk_Task", "Destroy_Task", "RelocateVM_Task", "MigrateVM_Task",
	"RefreshStorageInfo",
}

// outOfReach is a fault where a call needs the host of a machine and cannot have it: the host is not connected, or the
// machine is orphaned, inaccessible, invalid or without its configuration.
func outOfReach(ctx *simulator.Context, method *simulator.Method) types.BaseMethodFault {
	if !slices.Contains(touching, method.Name) {
		return nil
	}
	machine, ok := ctx.Map.Get(method.This).(*simulator.VirtualMachine)
	if !ok {
		return nil
	}
	var fault types.BaseMethodFault
	ctx.WithLock(machine, func() {
		if machine.Runtime.ConnectionState == types.VirtualMachineConnectionStateConnected && machine.Config != nil {
			return
		}
		fault = &types.InvalidState{}
		if machine.Runtime.Host == nil {
			return
		}
		host, ok := ctx.Map.Get(*machine.Runtime.Host).(*simulator.HostSystem)
		if ok && host.Runtime.ConnectionState != types.HostSystemConnectionStateConnected {
			fault = &types.HostNotConnected{}
		}
	})
	return fault
}

// searches are the calls that read the configuration of every machine.
var searches = []string{"FindByUuid", "FindAllByUuid", "FindByDatastorePath"}

// searcher answers them while a machine has no configuration, of which the simulator would die: it is not found.
type searcher struct {
	mo.ExtensibleManagedObject
}

var searcherRef = types.ManagedObjectReference{Type: "RehearsalSearcher", Value: "searcher"}

func newSearcher() *searcher {
	s := &searcher{}
	s.Self = searcherRef
	return s
}

// Lock and Unlock keep the calls from waiting for each other: the searcher has no state.
func (*searcher) Lock() {}

// Unlock belongs to Lock.
func (*searcher) Unlock() {}

// needed says whether a call is a search that has to be answered here.
func (*searcher) needed(ctx *simulator.Context, name string) bool {
	return slices.Contains(searches, name) && slices.ContainsFunc(ctx.Map.All("VirtualMachine"), func(e mo.Entity) bool {
		machine, ok := e.(*simulator.VirtualMachine)
		return ok && machine.Config == nil
	})
}

// machinesThat are the machines whose configuration fits, in order.
func machinesThat(ctx *simulator.Context, fits func(*types.VirtualMachineConfigInfo) bool) []types.ManagedObjectReference {
	var refs []types.ManagedObjectReference
	for _, one := range ctx.Map.All("VirtualMachine") {
		if machine, ok := one.(*simulator.VirtualMachine); ok && machine.Config != nil && fits(machine.Config) {
			refs = append(refs, machine.Self)
		}
	}
	return refs
}

func first(refs []types.ManagedObjectReference) *types.ManagedObjectReference {
	if len(refs) == 0 {
		return nil
	}
	return &refs[0]
}

func byUuid(ctx *simulator.Context, uuid string, machines bool, instance *bool) []types.ManagedObjectReference {
	if !machines {
		return nil // hosts are not looked for by their UUID here
	}
	return machinesThat(ctx, func(config *types.VirtualMachineConfigInfo) bool {
		if instance != nil && *instance {
			return config.InstanceUuid == uuid
		}
		return config.Uuid == uuid
	})
}

// FindByUuid answers the method of the same name; so do those below.
func (*searcher) FindByUuid(ctx *simulator.Context, req *types.FindByUuid) soap.HasFault {
	refs := byUuid(ctx, req.Uuid, req.VmSearch, req.InstanceUuid)
	return &methods.FindByUuidBody{Res: &types.FindByUuidResponse{Returnval: first(refs)}}
}

func (*searcher) FindAllByUuid(ctx *simulator.Context, req *types.FindAllByUuid) soap.HasFault {
	refs := byUuid(ctx, req.Uuid, req.VmSearch, req.InstanceUuid)
	return &methods.FindAllByUuidBody{Res: &types.FindAllByUuidResponse{Returnval: refs}}
}

func (*searcher) FindByDatastorePath(ctx *simulator.Context, req *types.FindByDatastorePath) soap.HasFault {
	refs := machinesThat(ctx, func(config *types.VirtualMachineConfigInfo) bool { return config.Files.VmPathName == req.Path })
	return &methods.FindByDatastorePathBody{Res: &types.FindByDatastorePathResponse{Returnval: first(refs)}}
}
