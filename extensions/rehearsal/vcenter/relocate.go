// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"
	"path"
	"slices"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// mover answers calls that move machines. The simulator's own RelocateVM_Task leaves the files, the paths and the free
// space where they were and reports the old location twice in its event; MigrateVM_Task is missing there.
type mover struct {
	mo.ExtensibleManagedObject
}

var moverRef = types.ManagedObjectReference{Type: "RehearsalMover", Value: "mover"}

func newMover() *mover {
	m := &mover{}
	m.Self = moverRef
	return m
}

// RelocateVMTask answers RelocateVM_Task.
func (*mover) RelocateVMTask(ctx *simulator.Context, req *types.RelocateVM_Task) soap.HasFault {
	task, fault := startMove(ctx, req.This, "relocate", req.Spec)
	if fault != nil {
		return &methods.RelocateVM_TaskBody{Fault_: fault}
	}
	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: task}}
}

// MigrateVMTask answers MigrateVM_Task, which moves a machine to another host or pool only.
func (*mover) MigrateVMTask(ctx *simulator.Context, req *types.MigrateVM_Task) soap.HasFault {
	task, fault := startMove(ctx, req.This, "migrate", types.VirtualMachineRelocateSpec{Host: req.Host, Pool: req.Pool})
	if fault != nil {
		return &methods.MigrateVM_TaskBody{Fault_: fault}
	}
	return &methods.MigrateVM_TaskBody{Res: &types.MigrateVM_TaskResponse{Returnval: task}}
}

func startMove(
	ctx *simulator.Context, ref types.ManagedObjectReference, name string, spec types.VirtualMachineRelocateSpec,
) (types.ManagedObjectReference, *soap.Fault) {
	machine, ok := ctx.Map.Get(ref).(*simulator.VirtualMachine)
	if !ok {
		return ref, simulator.Fault("", &types.ManagedObjectNotFound{Obj: ref})
	}
	return simulator.CreateTask(machine, name, func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		m := &move{ctx: ctx, vm: machine, spec: spec, renamed: map[string]string{}}
		return nil, m.run()
	}).Run(ctx), nil
}

// move is one machine on its way. home is the datastore of its own files.
type move struct {
	ctx  *simulator.Context
	vm   *simulator.VirtualMachine
	spec types.VirtualMachineRelocateSpec

	from, to         *simulator.HostSystem
	oldHome, newHome *simulator.Datastore
	disks            []diskMove
	// renamed: old datastore path -> new one.
	renamed map[string]string
}

// diskMove is one disk that changes its datastore.
type diskMove struct {
	disk     *types.VirtualDisk
	from, to *simulator.Datastore
}

func (m *move) run() types.BaseMethodFault {
	if fault := m.plan(); fault != nil {
		return fault
	}
	m.announce()
	if fault := m.files(); fault != nil {
		return fault
	}
	// The event reports where it was, so the host's name is taken before the change.
	done := m.arrival()
	m.update()
	if folder := m.spec.Folder; folder != nil {
		if to, ok := m.ctx.Map.Get(*folder).(*simulator.Folder); ok {
			list := []types.ManagedObjectReference{m.vm.Self}
			m.ctx.WithLock(to, func() {
				body := to.MoveIntoFolderTask(m.ctx, &types.MoveIntoFolder_Task{This: to.Self, List: list})
				if res := body.(*methods.MoveIntoFolder_TaskBody).Res; res != nil {
					m.ctx.Map.Get(res.Returnval).(*simulator.Task).Wait()
				}
			})
		}
	}
	if len(m.spec.DeviceChange) > 0 {
		body := m.vm.ReconfigVMTask(m.ctx, &types.ReconfigVM_Task{
			This: m.vm.Self, Spec: types.VirtualMachineConfigSpec{DeviceChange: m.spec.DeviceChange},
		})
		if res := body.(*methods.ReconfigVM_TaskBody).Res; res != nil {
			task := m.ctx.Map.Get(res.Returnval).(*simulator.Task)
			task.Wait()
			if task.Info.Error != nil {
				return task.Info.Error.Fault
			}
		}
	}
	post(m.ctx, done)
	return nil
}

// plan finds both ends and refuses what vCenter refuses.
func (m *move) plan() types.BaseMethodFault {
	if m.vm.Runtime.ConnectionState != types.VirtualMachineConnectionStateConnected || m.vm.Runtime.Host == nil {
		return &types.InvalidState{}
	}
	m.from, _ = m.ctx.Map.Get(*m.vm.Runtime.Host).(*simulator.HostSystem)
	m.to = m.from
	if ref := m.spec.Host; ref != nil {
		m.to, _ = m.ctx.Map.Get(*ref).(*simulator.HostSystem)
	}
	if m.from == nil || m.to == nil {
		return &types.InvalidArgument{InvalidProperty: "spec.host"}
	}
	if m.to.Runtime.ConnectionState != types.HostSystemConnectionStateConnected {
		return &types.HostNotConnected{}
	}
	if m.to != m.from && m.to.Runtime.InMaintenanceMode {
		return &types.InvalidHostState{Host: &m.to.Self}
	}
	home := pathOf(m.vm.Config.Files.VmPathName)
	m.oldHome, _ = m.ctx.Map.FindByName(home.Datastore, m.vm.Datastore).(*simulator.Datastore)
	if m.oldHome == nil {
		return &types.InvalidDatastore{Name: home.Datastore}
	}
	m.newHome = m.oldHome
	if ref := m.spec.Datastore; ref != nil {
		if m.newHome, _ = m.ctx.Map.Get(*ref).(*simulator.Datastore); m.newHome == nil {
			return &types.InvalidArgument{InvalidProperty: "spec.datastore"}
		}
	}
	stays := []*simulator.Datastore{m.newHome}
	for _, disk := range disksOf(m.vm.Config.Hardware.Device) {
		at, _ := m.ctx.Map.FindByName(pathOf(fileOf(disk)).Datastore, m.vm.Datastore).(*simulator.Datastore)
		if at == nil {
			continue // no file, or none that is known
		}
		to := at
		if m.spec.Datastore != nil {
			to = m.newHome
		}
		for _, locator := range m.spec.Disk {
			if locator.DiskId == disk.Key {
				if to, _ = m.ctx.Map.Get(locator.Datastore).(*simulator.Datastore); to == nil {
					return &types.InvalidArgument{InvalidProperty: "spec.disk.datastore"}
				}
			}
		}
		stays = append(stays, to)
		if to != at {
			m.disks = append(m.disks, diskMove{disk, at, to})
		}
	}
	for _, store := range stays {
		if fault := mounted(m.to, store); fault != nil {
			return fault
		}
		if readOnly(m.to, store) {
			return &types.CannotAccessFile{FileFault: types.FileFault{File: "[" + store.Name + "]"}}
		}
	}
	return m.room()
}

// room is NoDiskSpace for the first datastore that cannot take what comes.
func (m *move) room() types.BaseMethodFault {
	wanted := map[*simulator.Datastore]int64{}
	for _, d := range m.disks {
		wanted[d.to] += d.disk.CapacityInBytes
	}
	for store, bytes := range wanted {
		if store.Summary.FreeSpace < bytes {
			return &types.NoDiskSpace{Datastore: store.Name}
		}
	}
	return nil
}

// files moves what is on the datastores, and records the new names.
func (m *move) files() types.BaseMethodFault {
	vmx := pathOf(m.vm.Config.Files.VmPathName)
	folder := path.Dir(vmx.Path)
	for _, d := range m.disks {
		old := pathOf(fileOf(d.disk))
		name := free(d.to, path.Join(folder, path.Base(old.Path)))
		if err := moveDisk(d.from, old.Path, d.to, name); err != nil {
			return &types.FileFault{File: old.String()}
		}
		m.renamed[old.String()] = (&object.DatastorePath{Datastore: d.to.Name, Path: name}).String()
	}
	if m.newHome == m.oldHome {
		return nil
	}
	entries, _ := os.ReadDir(path.Join(m.oldHome.Summary.Url, folder))
	for _, entry := range entries {
		if name := path.Join(folder, entry.Name()); path.Ext(name) != ".vmdk" {
			if err := rename(m.oldHome, name, m.newHome, name); err != nil {
				return &types.FileFault{File: name}
			}
		}
	}
	_ = os.Remove(path.Join(m.oldHome.Summary.Url, folder)) // goes when nothing is left in it
	return nil
}

// update brings the inventory up to date: the machine, its hosts, its datastores with their free space, its pools.
func (m *move) update() {
	var changes []types.PropertyChange
	change := func(name string, value any) {
		changes = append(changes, types.PropertyChange{Name: name, Val: value})
	}
	before := slices.Clone(m.vm.Datastore)
	for _, d := range m.disks {
		takeSpace(m.ctx, d.from, -d.disk.CapacityInBytes)
		takeSpace(m.ctx, d.to, d.disk.CapacityInBytes)
		info := d.disk.Backing.(types.BaseVirtualDeviceFileBackingInfo).GetVirtualDeviceFileBackingInfo()
		info.FileName = m.renamed[info.FileName]
		info.Datastore = &d.to.Self
	}
	if len(m.disks) > 0 {
		change("config.hardware.device", m.vm.Config.Hardware.Device)
	}
	if m.newHome != m.oldHome {
		files := m.vm.Config.Files
		for _, name := range []*string{
			&files.VmPathName, &files.LogDirectory, &files.SnapshotDirectory, &files.SuspendDirectory, &files.FtMetadataDirectory,
		} {
			if at := pathOf(*name); at.Datastore == m.oldHome.Name {
				*name = (&object.DatastorePath{Datastore: m.newHome.Name, Path: at.Path}).String()
			}
		}
		change("config.files", files)
		change("summary.config.vmPathName", files.VmPathName)
		change("config.datastoreUrl", []types.VirtualMachineConfigInfoDatastoreUrlPair{
			{Name: m.newHome.Name, Url: m.newHome.Summary.Url},
		})
	}
	m.layouts(change)
	stores := m.stores()
	change("datastore", stores)
	if m.to != m.from {
		change("runtime.host", m.to.Self)
		change("summary.runtime.host", m.to.Self)
	}
	pool := m.pool()
	if pool != nil {
		change("resourcePool", pool.Self)
	}
	oldPool := m.vm.ResourcePool
	m.ctx.Update(m.vm, changes)

	self := m.vm.Self
	if m.to != m.from {
		m.ctx.WithLock(m.from, func() { m.ctx.Map.RemoveReference(m.ctx, m.from, &m.from.Vm, self) })
		m.ctx.WithLock(m.to, func() { m.ctx.Map.AddReference(m.ctx, m.to, &m.to.Vm, self) })
	}
	if pool != nil {
		if old, ok := m.ctx.Map.Get(*oldPool).(*simulator.ResourcePool); ok {
			m.ctx.WithLock(old, func() { m.ctx.Map.RemoveReference(m.ctx, old, &old.Vm, self) })
		}
		m.ctx.WithLock(pool, func() { m.ctx.Map.AddReference(m.ctx, pool, &pool.Vm, self) })
	}
	for _, ref := range append(before, stores...) {
		store, ok := m.ctx.Map.Get(ref).(*simulator.Datastore)
		if !ok {
			continue
		}
		m.ctx.WithLock(store, func() {
			if slices.Contains(stores, ref) {
				m.ctx.Map.AddReference(m.ctx, store, &store.Vm, self)
			} else {
				m.ctx.Map.RemoveReference(m.ctx, store, &store.Vm, self)
			}
		})
	}
}

// stores are the datastores the machine has files on now.
func (m *move) stores() []types.ManagedObjectReference {
	stores := []types.ManagedObjectReference{m.newHome.Self}
	for _, disk := range disksOf(m.vm.Config.Hardware.Device) {
		backing, ok := disk.Backing.(types.BaseVirtualDeviceFileBackingInfo)
		if !ok {
			continue
		}
		if ref := backing.GetVirtualDeviceFileBackingInfo().Datastore; ref != nil && !slices.Contains(stores, *ref) {
			stores = append(stores, *ref)
		}
	}
	return stores
}

// pool is the resource pool to change to: the one asked for, or the root pool of another cluster's host.
func (m *move) pool() *simulator.ResourcePool {
	ref := m.spec.Pool
	if ref == nil && m.to.Parent != nil && m.from.Parent != nil && *m.to.Parent != *m.from.Parent {
		switch owner := m.ctx.Map.Get(*m.to.Parent).(type) {
		case *simulator.ClusterComputeResource:
			ref = owner.ResourcePool
		case *mo.ComputeResource:
			ref = owner.ResourcePool
		}
	}
	if ref == nil || m.vm.ResourcePool == nil || *ref == *m.vm.ResourcePool {
		return nil
	}
	pool, _ := m.ctx.Map.Get(*ref).(*simulator.ResourcePool)
	return pool
}

// layouts follows the files' new names in the two lists of a machine's files.
func (m *move) layouts(change func(string, any)) {
	follow := func(name string) string {
		for old, now := range m.renamed {
			if name == old {
				return now
			}
			if name == simulator.VirtualDiskBackingFileName(old) {
				return simulator.VirtualDiskBackingFileName(now)
			}
		}
		at := pathOf(name)
		if at.Datastore == m.oldHome.Name && path.Ext(at.Path) != ".vmdk" {
			return (&object.DatastorePath{Datastore: m.newHome.Name, Path: at.Path}).String()
		}
		return name
	}
	if layout := m.vm.LayoutEx; layout != nil {
		now := *layout
		now.File = slices.Clone(layout.File)
		for i := range now.File {
			now.File[i].Name = follow(now.File[i].Name)
		}
		change("layoutEx", now)
	}
	if layout := m.vm.Layout; layout != nil {
		now := *layout
		now.Disk = slices.Clone(layout.Disk)
		for i := range now.Disk {
			now.Disk[i].DiskFile = slices.Clone(now.Disk[i].DiskFile)
			for n, name := range now.Disk[i].DiskFile {
				now.Disk[i].DiskFile[n] = follow(name)
			}
		}
		change("layout", now)
	}
}
