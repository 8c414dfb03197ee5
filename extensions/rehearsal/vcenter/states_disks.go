// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// rawDevice adds a raw device mapping; off removes it.
func (st *stage) rawDevice(ctx *simulator.Context, one scene) error {
	machine, err := named[*simulator.VirtualMachine](ctx, "VirtualMachine", one.Name)
	if err != nil {
		return err
	}
	vmx := pathOf(machine.Config.Files.VmPathName)
	file := object.DatastorePath{Datastore: vmx.Datastore, Path: strings.TrimSuffix(vmx.Path, ".vmx") + "_raw.vmdk"}
	return st.disk(machine, one, file.String(), &types.VirtualDiskRawDiskMappingVer1BackingInfo{
		VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: file.String()},
		LunUuid:                      "0200000000600508b1001c0000000000000000000000",
		DeviceName:                   "vml.0200000000600508b1001c0000000000000000000000",
		CompatibilityMode:            string(types.VirtualDiskCompatibilityModePhysicalMode),
		DiskMode:                     string(types.VirtualDiskModeIndependent_persistent),
	})
}

// vsanDisk adds a disk on the cluster's vSAN datastore, which is made for the first one; off removes the disk.
func (st *stage) vsanDisk(ctx *simulator.Context, one scene) error {
	machine, err := named[*simulator.VirtualMachine](ctx, "VirtualMachine", one.Name)
	if err != nil {
		return err
	}
	owner := above(ctx, *machine.Runtime.Host, "ClusterComputeResource")
	if owner == nil {
		return errors.New("its host is in no cluster, and a vSAN is a cluster's")
	}
	const name = "vsanDatastore"
	if _, err := named[*simulator.Datastore](ctx, "Datastore", name); err != nil && !one.Off {
		enable := &types.ClusterConfigSpecEx{VsanConfig: &types.VsanClusterConfigInfo{Enabled: types.NewBool(true)}}
		err := st.call(func(client *caller) (types.ManagedObjectReference, error) {
			return client.reconfigureCluster(*owner, enable)
		})
		if err != nil {
			return err
		}
	}
	file := "[" + name + "]" // folder and name are vCenter's choice
	return st.disk(machine, one, file, &types.VirtualDiskFlatVer2BackingInfo{
		VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: file},
		DiskMode:                     string(types.VirtualDiskModePersistent),
		ThinProvisioned:              types.NewBool(true),
	})
}

// disk adds a disk of one gigabyte, or removes the one this stage added.
func (st *stage) disk(
	machine *simulator.VirtualMachine, one scene, file string, backing types.BaseVirtualDeviceBackingInfo,
) error {
	mark := one.State + " " + machine.Self.Value
	if one.Off {
		key, added := st.made[mark]
		if !added {
			return nil
		}
		for _, disk := range disksOf(machine.Config.Hardware.Device) {
			if disk.Key == key {
				delete(st.made, mark)
				return st.reconfigure(machine, &types.VirtualDeviceConfigSpec{
					Operation:     types.VirtualDeviceConfigSpecOperationRemove,
					FileOperation: types.VirtualDeviceConfigSpecFileOperationDestroy,
					Device:        disk,
				})
			}
		}
		return nil
	}
	devices := object.VirtualDeviceList(machine.Config.Hardware.Device)
	controller, err := devices.FindDiskController("")
	if err != nil {
		return err
	}
	disk := &types.VirtualDisk{CapacityInKB: 1 << 20, CapacityInBytes: 1 << 30}
	disk.Key = -1
	disk.Backing = backing
	devices.AssignController(disk, controller)
	before := map[int32]bool{}
	for _, old := range disksOf(machine.Config.Hardware.Device) {
		before[old.Key] = true
	}
	err = st.reconfigure(machine, &types.VirtualDeviceConfigSpec{
		Operation:     types.VirtualDeviceConfigSpecOperationAdd,
		FileOperation: types.VirtualDeviceConfigSpecFileOperationCreate,
		Device:        disk,
	})
	for _, now := range disksOf(machine.Config.Hardware.Device) {
		if !before[now.Key] {
			st.made[mark] = now.Key
		}
	}
	return err
}

func (st *stage) reconfigure(machine *simulator.VirtualMachine, change *types.VirtualDeviceConfigSpec) error {
	return st.call(func(client *caller) (types.ManagedObjectReference, error) {
		return client.reconfigure(machine.Self, types.VirtualMachineConfigSpec{
			DeviceChange: []types.BaseVirtualDeviceConfigSpec{change},
		})
	})
}

// configMissing takes a machine's configuration away, as where its file cannot be read.
func (st *stage) configMissing(ctx *simulator.Context, one scene) error {
	machine, err := named[*simulator.VirtualMachine](ctx, "VirtualMachine", one.Name)
	if err != nil {
		return err
	}
	ctx.WithLock(machine, func() {
		kept, taken := st.configs[machine.Self]
		if one.Off && taken {
			delete(st.configs, machine.Self)
			ctx.Update(machine, []types.PropertyChange{{Name: "config", Val: kept}})
		} else if !one.Off && !taken && machine.Config != nil {
			st.configs[machine.Self] = *machine.Config
			ctx.Update(machine, []types.PropertyChange{{Name: "config", Val: nil}})
		}
	})
	return nil
}

func (st *stage) snapshot(ctx *simulator.Context, one scene) error {
	machine, err := named[*simulator.VirtualMachine](ctx, "VirtualMachine", one.Name)
	if err != nil {
		return err
	}
	name := one.To
	if name == "" {
		name = "left-behind"
	}
	if one.Off {
		return st.call(func(client *caller) (types.ManagedObjectReference, error) {
			return client.removeAllSnapshots(machine.Self)
		})
	}
	return st.call(func(client *caller) (types.ManagedObjectReference, error) {
		return client.createSnapshot(machine.Self, name)
	})
}
