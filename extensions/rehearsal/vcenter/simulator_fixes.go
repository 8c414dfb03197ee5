// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func init() {
	// pyVmomi writes a reference inside an anyType as xsi:type="ManagedObject". Without this name the value is lost,
	// and a DRS override cannot be removed (its removeKey is such a reference).
	types.Add("ManagedObject", reflect.TypeOf((*types.ManagedObjectReference)(nil)).Elem())
}

// improve puts the stand-in's own behaviour over the simulator's objects. It is called once, before the first request.
func improve(s *standin, apiVersion string) {
	registry := s.registry()
	instance := registry.Get(vim25.ServiceInstance).(*simulator.ServiceInstance)
	instance.Content.About.ApiVersion = apiVersion
	instance.Content.About.Version = shortVersion(apiVersion)
	// The simulator's own text names another version than the one told.
	instance.Content.About.FullName = fmt.Sprintf("%s %s build-%s",
		instance.Content.About.Name, shortVersion(apiVersion), instance.Content.About.Build)

	authority := &authorization{
		AuthorizationManager: registry.Get(*instance.Content.AuthorizationManager).(*simulator.AuthorizationManager),
		administrator:        s.users.administrator,
	}
	registry.Put(authority)
	registry.Put(&storageResources{
		registry.Get(*instance.Content.StorageResourceManager).(*simulator.StorageResourceManager),
	})
	describeEvents(registry.EventManager())
	registry.Put(newRefusal())
	registry.Put(newMover())
	registry.Put(newClusters())
	registry.Put(newFetcher())
	registry.Put(newSearcher())
	registry.Put(newLooker(authority))
	for _, part := range hostSystems() {
		registry.Put(part)
	}

	watch := newWatcher()
	for _, kind := range []string{"VirtualMachine", "ClusterComputeResource"} {
		for _, item := range registry.All(kind) {
			watch.PutObject(nil, item)
		}
	}
	for _, kind := range []string{"HostNetworkSystem", "HostVirtualNicManager"} {
		for _, item := range registry.AllReference(kind) {
			watch.PutObject(nil, item)
		}
	}
	registry.AddHandler(watch)

	s.hook = newHook(authority, watch)
	registry.Handler = s.hook.handle
}

// shortVersion is the product version that belongs to an API version: 8.0.3.0 -> 8.0.3.
func shortVersion(api string) string {
	var a, b, c int
	if n, _ := fmt.Sscanf(api, "%d.%d.%d", &a, &b, &c); n < 3 {
		return api
	}
	return fmt.Sprintf("%d.%d.%d", a, b, c)
}

// watcher sees every machine that is made, changed or removed. It fills in what the simulator leaves empty, and keeps
// an index of the disk files in use, so that file locks can be checked without reading machines that others hold.
type watcher struct {
	mo.ExtensibleManagedObject

	mu    sync.Mutex
	files map[types.ManagedObjectReference][]string
	on    map[types.ManagedObjectReference]bool
	uuids map[string]string
}

func newWatcher() *watcher {
	w := &watcher{
		files: map[types.ManagedObjectReference][]string{},
		on:    map[types.ManagedObjectReference]bool{},
		uuids: map[string]string{},
	}
	w.Self = types.ManagedObjectReference{Type: "RehearsalWatcher", Value: "watcher"}
	return w
}

// PutObject completes the runtime of a new machine: pyVmomi refuses the empty words the simulator would send for these
// two enumerations, and with them the whole of vm.runtime and vm.summary.
func (w *watcher) PutObject(_ *simulator.Context, item mo.Reference) {
	switch other := item.(type) {
	case *simulator.ClusterComputeResource:
		completeCluster(other)
	case *simulator.HostSystem:
		completeHost(other)
	case *simulator.HostNetworkSystem:
		completeNetwork(other)
	case *simulator.HostVirtualNicManager:
		completeNics(other)
	}
	machine, ok := item.(*simulator.VirtualMachine)
	if !ok {
		return
	}
	completeTools(&machine.VirtualMachine)
	for _, runtime := range []*types.VirtualMachineRuntimeInfo{&machine.Runtime, &machine.Summary.Runtime} {
		if runtime.FaultToleranceState == "" {
			runtime.FaultToleranceState = types.VirtualMachineFaultToleranceStateNotConfigured
		}
		if runtime.RecordReplayState == "" {
			runtime.RecordReplayState = types.VirtualMachineRecordReplayStateInactive
		}
	}
	w.remember(&machine.VirtualMachine)
}

// UpdateObject follows a machine's power (the tools run with the guest) and its devices, and completes tasks.
func (w *watcher) UpdateObject(ctx *simulator.Context, item mo.Reference, changes []types.PropertyChange) {
	if task, ok := item.(*mo.Task); ok {
		if task.Info.State == types.TaskInfoStateRunning {
			introduce(ctx, task)
		}
		if task.Info.State == types.TaskInfoStateSuccess {
			follow(ctx, task)
		}
		tellError(task)
		return
	}
	machine, ok := item.(*mo.VirtualMachine)
	if !ok {
		return
	}
	unmaskName(machine)
	for _, change := range changes {
		switch change.Name {
		case "config.hardware.device":
			completeTools(machine)
			sizeDisks(ctx, machine)
			w.remember(machine)
		case "runtime.powerState":
			w.remember(machine)
			followPower(ctx, machine)
			completeTools(machine)
		}
	}
}

// follow mirrors a cluster's configuration once a task has changed it.
func follow(ctx *simulator.Context, task *mo.Task) {
	if ctx == nil || task.Info.Entity == nil {
		return
	}
	if cluster, ok := ctx.Map.Get(*task.Info.Entity).(*simulator.ClusterComputeResource); ok {
		ctx.WithLock(cluster, func() { mirrorCluster(cluster) })
	}
}

// RemoveObject drops a machine.
func (w *watcher) RemoveObject(_ *simulator.Context, ref types.ManagedObjectReference) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.files, ref)
	delete(w.on, ref)
}

func (w *watcher) remember(machine *mo.VirtualMachine) {
	var files []string
	uuids := map[string]string{}
	if machine.Config != nil {
		for _, disk := range disksOf(machine.Config.Hardware.Device) {
			files = append(files, fileOf(disk))
			if flat, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok && flat.Uuid != "" {
				uuids[flat.FileName] = flat.Uuid
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for file, uuid := range uuids {
		w.uuids[file] = uuid
	}
	w.files[machine.Self] = files
	w.on[machine.Self] = machine.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
}

// uuidOf is the UUID of a disk's file as it was last seen; a disk keeps it wherever it is attached.
func (w *watcher) uuidOf(file string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.uuids[file]
}

// running says whether a machine is powered on.
func (w *watcher) running(ref types.ManagedObjectReference) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.on[ref]
}

// attached are the disk files of a machine.
func (w *watcher) attached(ref types.ManagedObjectReference) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files[ref]
}

// lockedBy is the first of these files that another, running machine has open; empty when none is.
func (w *watcher) lockedBy(ref types.ManagedObjectReference, files []string) string {
	wanted := make(map[string]bool, len(files))
	for _, file := range files {
		wanted[file] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for other, held := range w.files {
		if other == ref || !w.on[other] {
			continue
		}
		for _, file := range held {
			if wanted[file] {
				return file
			}
		}
	}
	return ""
}

// sizeDisks gives a disk that was attached from an existing file the size its descriptor states. The hook takes the
// size out of the request (a client must send one, vCenter does not believe it), so that free space stays true.
func sizeDisks(ctx *simulator.Context, machine *mo.VirtualMachine) {
	for _, disk := range disksOf(machine.Config.Hardware.Device) {
		if disk.CapacityInBytes != 0 || ctx == nil {
			continue
		}
		datacenter := above(ctx, machine.Self, "Datacenter")
		if datacenter == nil {
			continue
		}
		size, ok := diskSize(ctx, datacenter, fileOf(disk))
		if !ok {
			continue
		}
		disk.CapacityInBytes = size
		disk.CapacityInKB = size / 1024
		if disk.DeviceInfo != nil {
			disk.DeviceInfo.GetDescription().Summary = fmt.Sprintf("%d KB", disk.CapacityInKB)
		}
	}
}

// diskSize reads the capacity in bytes from a disk's descriptor file.
func diskSize(ctx *simulator.Context, datacenter *types.ManagedObjectReference, file string) (int64, bool) {
	descriptor, _, fault := ctx.Map.FileManager().DiskDescriptor(ctx, datacenter, file)
	if fault != nil || len(descriptor.Extent) == 0 {
		return 0, false
	}
	return descriptor.Capacity(), true
}

// followPower lets installed tools start and stop with the guest, as they do.
func followPower(ctx *simulator.Context, machine *mo.VirtualMachine) {
	if machine.Guest == nil || machine.Guest.ToolsStatus == types.VirtualMachineToolsStatusToolsNotInstalled {
		return
	}
	state, status := "notRunning", types.VirtualMachineToolsStatusToolsNotRunning
	tools := types.VirtualMachineToolsRunningStatusGuestToolsNotRunning
	if machine.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
		state, status = "running", types.VirtualMachineToolsStatusToolsOk
		tools = types.VirtualMachineToolsRunningStatusGuestToolsRunning
	}
	ctx.Update(machine, []types.PropertyChange{
		{Name: "guest.guestState", Val: state},
		{Name: "guest.toolsStatus", Val: status},
		{Name: "guest.toolsRunningStatus", Val: string(tools)},
		{Name: "summary.guest.toolsStatus", Val: status},
		{Name: "summary.guest.toolsRunningStatus", Val: string(tools)},
	})
}

func disksOf(devices object.VirtualDeviceList) []*types.VirtualDisk {
	var disks []*types.VirtualDisk
	for _, device := range devices {
		if disk, ok := device.(*types.VirtualDisk); ok {
			disks = append(disks, disk)
		}
	}
	return disks
}

// fileOf is the datastore path of a disk's file; empty for a disk without one.
func fileOf(disk *types.VirtualDisk) string {
	if backing, ok := disk.Backing.(types.BaseVirtualDeviceFileBackingInfo); ok {
		return backing.GetVirtualDeviceFileBackingInfo().FileName
	}
	return ""
}

// above is the nearest ancestor of a kind, or nil.
func above(ctx *simulator.Context, ref types.ManagedObjectReference, kind string) *types.ManagedObjectReference {
	for {
		entity, ok := ctx.Map.Get(ref).(mo.Entity)
		if !ok || entity.Entity().Parent == nil {
			return nil
		}
		ref = *entity.Entity().Parent
		if ref.Type == kind {
			return &ref
		}
	}
}
