// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// storageResources stores what is configured for a datastore cluster, machines' overrides included: the simulator's
// own method reports success for them and keeps nothing.
type storageResources struct {
	*simulator.StorageResourceManager
}

// ConfigureStorageDrsForPodTask answers ConfigureStorageDrsForPod_Task.
func (m *storageResources) ConfigureStorageDrsForPodTask(
	ctx *simulator.Context, req *types.ConfigureStorageDrsForPod_Task,
) soap.HasFault {
	task := simulator.CreateTask(m, "configureStorageDrsForPod",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			pod, ok := ctx.Map.Get(req.Pod).(*simulator.StoragePod)
			if !ok || pod.PodStorageDrsEntry == nil {
				return nil, &types.ManagedObjectNotFound{Obj: req.Pod}
			}
			var fault types.BaseMethodFault
			ctx.WithLock(pod, func() {
				entry := *pod.PodStorageDrsEntry
				entry.StorageDrsConfig.VmConfig = slices.Clone(entry.StorageDrsConfig.VmConfig)
				configurePod(&entry.StorageDrsConfig.PodConfig, req.Spec.PodConfigSpec)
				for _, spec := range req.Spec.VmConfigSpec {
					if fault = overrideMachine(&entry.StorageDrsConfig, spec); fault != nil {
						return
					}
				}
				ctx.Update(pod, []types.PropertyChange{{Name: "podStorageDrsEntry", Val: entry}})
			})
			return nil, fault
		})
	return &methods.ConfigureStorageDrsForPod_TaskBody{
		Res: &types.ConfigureStorageDrsForPod_TaskResponse{Returnval: task.Run(ctx)},
	}
}

func configurePod(config *types.StorageDrsPodConfigInfo, spec *types.StorageDrsPodConfigSpec) {
	if spec == nil {
		return
	}
	if spec.Enabled != nil {
		config.Enabled = *spec.Enabled
	}
	if spec.DefaultVmBehavior != "" {
		config.DefaultVmBehavior = spec.DefaultVmBehavior
	}
	if spec.DefaultIntraVmAffinity != nil {
		config.DefaultIntraVmAffinity = spec.DefaultIntraVmAffinity
	}
}

// overrideMachine adds, edits or removes one machine's override. A second add, and an edit or removal of what is not
// there, are refused as vCenter refuses them.
func overrideMachine(config *types.StorageDrsConfigInfo, spec types.StorageDrsVmConfigSpec) types.BaseMethodFault {
	key := types.ManagedObjectReference{}
	switch remove := spec.RemoveKey.(type) {
	case types.ManagedObjectReference:
		key = remove
	case *types.ManagedObjectReference:
		key = *remove
	}
	if spec.Operation != types.ArrayUpdateOperationRemove {
		if spec.Info == nil || spec.Info.Vm == nil {
			return &types.InvalidArgument{InvalidProperty: "spec.vmConfigSpec.info.vm"}
		}
		key = *spec.Info.Vm
	}
	at := slices.IndexFunc(config.VmConfig, func(info types.StorageDrsVmConfigInfo) bool {
		return info.Vm != nil && *info.Vm == key
	})
	if (spec.Operation == types.ArrayUpdateOperationAdd) == (at >= 0) {
		return &types.InvalidArgument{InvalidProperty: "spec.vmConfigSpec"}
	}
	switch spec.Operation {
	case types.ArrayUpdateOperationAdd:
		config.VmConfig = append(config.VmConfig, *spec.Info)
	case types.ArrayUpdateOperationEdit:
		config.VmConfig[at] = *spec.Info
	case types.ArrayUpdateOperationRemove:
		config.VmConfig = slices.Delete(config.VmConfig, at, at+1)
	}
	return nil
}
