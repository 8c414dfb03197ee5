// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// RenameSnapshot answers the method of the same name, which the simulator does not know.
func (*mover) RenameSnapshot(ctx *simulator.Context, req *types.RenameSnapshot) soap.HasFault {
	for _, item := range ctx.Map.All("VirtualMachine") {
		machine, ok := item.(*simulator.VirtualMachine)
		if !ok || machine.Snapshot == nil {
			continue
		}
		found := false
		ctx.WithLock(machine, func() {
			info := *machine.Snapshot
			if info.RootSnapshotList, found = renameIn(info.RootSnapshotList, req); found {
				ctx.Update(machine, []types.PropertyChange{{Name: "snapshot", Val: info}})
			}
		})
		if found {
			return &methods.RenameSnapshotBody{Res: &types.RenameSnapshotResponse{}}
		}
	}
	return &methods.RenameSnapshotBody{Fault_: simulator.Fault("", &types.ManagedObjectNotFound{Obj: req.This})}
}

// renameIn is a copy of the tree with the snapshot's new name, and whether it is in there.
func renameIn(tree []types.VirtualMachineSnapshotTree, req *types.RenameSnapshot) ([]types.VirtualMachineSnapshotTree, bool) {
	found := false
	copied := append([]types.VirtualMachineSnapshotTree{}, tree...)
	for i := range copied {
		if copied[i].Snapshot == req.This {
			found = true
			if req.Name != "" {
				copied[i].Name = req.Name
			}
			if req.Description != "" {
				copied[i].Description = req.Description
			}
		}
		var below bool
		copied[i].ChildSnapshotList, below = renameIn(copied[i].ChildSnapshotList, req)
		found = found || below
	}
	return copied, found
}
