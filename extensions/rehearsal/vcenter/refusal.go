// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// refusal answers calls with a task that fails. Calls are sent to it by changing the object they address; the fault
// travels in the call's context.
type refusal struct {
	mo.ExtensibleManagedObject
}

type refusalKey struct{}

var refusalRef = types.ManagedObjectReference{Type: "RehearsalRefusal", Value: "refusal"}

func newRefusal() *refusal {
	r := &refusal{}
	r.Self = refusalRef
	return r
}

// refuseTask sends the call to the refusal. The body keeps the true object, so the task belongs to it.
func refuseTask(ctx *simulator.Context, method *simulator.Method, fault types.BaseMethodFault) mo.Reference {
	ctx.Context = context.WithValue(ctx.Context, refusalKey{}, fault)
	method.This = refusalRef
	return ctx.Map.Get(refusalRef)
}

// fail makes the failing task of a call on an object; name is the method's without "_Task".
func fail(ctx *simulator.Context, on types.ManagedObjectReference, name string) types.ManagedObjectReference {
	fault, _ := ctx.Value(refusalKey{}).(types.BaseMethodFault)
	name = strings.ToLower(name[:1]) + name[1:]
	return simulator.CreateTask(on, name, func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return nil, fault
	}).Run(ctx)
}

// CreateVMTask fails CreateVM_Task.
func (*refusal) CreateVMTask(ctx *simulator.Context, req *types.CreateVM_Task) soap.HasFault {
	return &methods.CreateVM_TaskBody{Res: &types.CreateVM_TaskResponse{Returnval: fail(ctx, req.This, "CreateVm")}}
}

// ReconfigVMTask fails ReconfigVM_Task.
func (*refusal) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	return &methods.ReconfigVM_TaskBody{
		Res: &types.ReconfigVM_TaskResponse{Returnval: fail(ctx, req.This, "ReconfigVm")},
	}
}

// PowerOnVMTask fails PowerOnVM_Task.
func (*refusal) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: fail(ctx, req.This, "PowerOn")}}
}

// PowerOffVMTask fails PowerOffVM_Task.
func (*refusal) PowerOffVMTask(ctx *simulator.Context, req *types.PowerOffVM_Task) soap.HasFault {
	return &methods.PowerOffVM_TaskBody{
		Res: &types.PowerOffVM_TaskResponse{Returnval: fail(ctx, req.This, "PowerOff")},
	}
}

// ReconfigureComputeResourceTask fails ReconfigureComputeResource_Task.
func (*refusal) ReconfigureComputeResourceTask(
	ctx *simulator.Context, req *types.ReconfigureComputeResource_Task,
) soap.HasFault {
	return &methods.ReconfigureComputeResource_TaskBody{
		Res: &types.ReconfigureComputeResource_TaskResponse{Returnval: fail(ctx, req.This, "ReconfigureCluster")},
	}
}

// ConfigureStorageDrsForPodTask fails ConfigureStorageDrsForPod_Task.
func (*refusal) ConfigureStorageDrsForPodTask(
	ctx *simulator.Context, req *types.ConfigureStorageDrsForPod_Task,
) soap.HasFault {
	return &methods.ConfigureStorageDrsForPod_TaskBody{
		Res: &types.ConfigureStorageDrsForPod_TaskResponse{
			Returnval: fail(ctx, req.Pod, "ConfigureStorageDrsForPod"),
		},
	}
}

// RelocateVMTask fails RelocateVM_Task.
func (*refusal) RelocateVMTask(ctx *simulator.Context, req *types.RelocateVM_Task) soap.HasFault {
	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: fail(ctx, req.This, "Relocate")}}
}

// RemoveAllSnapshotsTask fails RemoveAllSnapshots_Task.
func (*refusal) RemoveAllSnapshotsTask(ctx *simulator.Context, req *types.RemoveAllSnapshots_Task) soap.HasFault {
	return &methods.RemoveAllSnapshots_TaskBody{
		Res: &types.RemoveAllSnapshots_TaskResponse{Returnval: fail(ctx, req.This, "RemoveAllSnapshots")},
	}
}
