// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

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

// announce posts the event of the beginning.
func (m *move) announce() {
	host, center, store := hostArgument(m.to), m.datacenter(), storeArgument(m.newHome)
	switch {
	case m.vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn:
		post(m.ctx, &types.VmBeingHotMigratedEvent{
			VmEvent: m.event(m.from, m.oldHome), DestHost: *host, DestDatacenter: center, DestDatastore: store,
		})
	case m.newHome == m.oldHome && len(m.disks) == 0:
		post(m.ctx, &types.VmBeingMigratedEvent{
			VmEvent: m.event(m.from, m.oldHome), DestHost: *host, DestDatacenter: center, DestDatastore: store,
		})
	default:
		post(m.ctx, &types.VmBeingRelocatedEvent{
			VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event(m.from, m.oldHome)},
			DestHost:            *host, DestDatacenter: center, DestDatastore: store,
		})
	}
}

// arrival is the event of the end: host and datastore are the destination's, source* the former location.
func (m *move) arrival() types.BaseEvent {
	source, center, store := hostArgument(m.from), m.datacenter(), storeArgument(m.oldHome)
	event := m.event(m.to, m.newHome)
	if m.vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn && (m.newHome != m.oldHome || len(m.disks) > 0) {
		return &types.VmRelocatedEvent{
			VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: event},
			SourceHost:          *source, SourceDatacenter: center, SourceDatastore: store,
		}
	}
	return &types.VmMigratedEvent{
		VmEvent: event, SourceHost: *source, SourceDatacenter: center, SourceDatastore: store,
	}
}

func (m *move) event(host *simulator.HostSystem, store *simulator.Datastore) types.VmEvent {
	event := types.VmEvent{Event: types.Event{
		Datacenter: m.datacenter(),
		Host:       hostArgument(host),
		Vm: &types.VmEventArgument{
			EntityEventArgument: types.EntityEventArgument{Name: m.vm.Name}, Vm: m.vm.Self,
		},
		Ds: storeArgument(store),
	}}
	if host.Parent != nil {
		if owner, ok := m.ctx.Map.Get(*host.Parent).(mo.Entity); ok {
			event.ComputeResource = &types.ComputeResourceEventArgument{
				EntityEventArgument: types.EntityEventArgument{Name: owner.Entity().Name}, ComputeResource: *host.Parent,
			}
		}
	}
	return event
}

func (m *move) datacenter() *types.DatacenterEventArgument {
	ref := above(m.ctx, m.vm.Self, "Datacenter")
	if ref == nil {
		return nil
	}
	return &types.DatacenterEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: m.ctx.Map.Get(*ref).(mo.Entity).Entity().Name}, Datacenter: *ref,
	}
}

func hostArgument(host *simulator.HostSystem) *types.HostEventArgument {
	return &types.HostEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: host.Name}, Host: host.Self,
	}
}

func storeArgument(store *simulator.Datastore) *types.DatastoreEventArgument {
	return &types.DatastoreEventArgument{
		EntityEventArgument: types.EntityEventArgument{Name: store.Name}, Datastore: store.Self,
	}
}

// post posts an event in the name of the session's user.
func post(ctx *simulator.Context, event types.BaseEvent) {
	manager := ctx.Map.EventManager()
	ctx.WithLock(manager, func() { manager.PostEvent(ctx, &types.PostEvent{EventToPost: event}) })
}

// takeSpace lowers a datastore's free space by so many bytes; a negative number gives them back.
func takeSpace(ctx *simulator.Context, store *simulator.Datastore, bytes int64) {
	ctx.WithLock(store, func() {
		left := store.Summary.FreeSpace - bytes
		store.Info.GetDatastoreInfo().FreeSpace = left
		ctx.Update(store, []types.PropertyChange{{Name: "summary.freeSpace", Val: left}})
	})
}

// pathOf splits "[datastore] folder/file"; both parts are empty for what is no such path.
func pathOf(text string) object.DatastorePath {
	var at object.DatastorePath
	at.FromString(text)
	return at
}

// free is a name on the datastore that is not taken: folder/disk.vmdk, folder/disk_1.vmdk and so on.
func free(store *simulator.Datastore, name string) string {
	stem, ext := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	for n := 1; ; n++ {
		if _, err := os.Stat(path.Join(store.Summary.Url, name)); err != nil {
			return name
		}
		name = fmt.Sprintf("%s_%d%s", stem, n, ext)
	}
}

// moveDisk moves a descriptor with the file it describes.
func moveDisk(from *simulator.Datastore, name string, to *simulator.Datastore, now string) error {
	oldFlat, newFlat := simulator.VirtualDiskBackingFileName(name), simulator.VirtualDiskBackingFileName(now)
	if err := rename(from, oldFlat, to, newFlat); err != nil {
		return err
	}
	if err := rename(from, name, to, now); err != nil || path.Base(oldFlat) == path.Base(newFlat) {
		return err
	}
	file := path.Join(to.Summary.Url, now)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // a disk without a file, as a test may set one
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), path.Base(oldFlat), path.Base(newFlat))), 0o600)
}

// rename moves a file between datastores; one that does not exist is left alone.
func rename(from *simulator.Datastore, name string, to *simulator.Datastore, now string) error {
	target := path.Join(to.Summary.Url, now)
	if err := os.MkdirAll(path.Dir(target), 0o700); err != nil {
		return err
	}
	err := os.Rename(path.Join(from.Summary.Url, name), target)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
