// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"sync"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// hook runs before every call: it counts it, applies the fault rules, refuses what the user may not do, and checks
// requests that the simulator would answer wrongly or die of.
type hook struct {
	authority *authorization
	watch     *watcher

	mu       sync.Mutex
	counters map[string]int
	rules    []*rule
}

// rule is one injected fault. Empty words match everything. With Task the call is accepted and its task fails.
type rule struct {
	Method string `json:"method"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	Task   bool   `json:"task"`
	// Skip leaves that many matching calls alone first; Max ends the rule after that many faults (0 = never).
	Skip int `json:"skip"`
	Max  int `json:"max"`
	// DelayMs waits before going on. A rule without a fault only delays.
	DelayMs int `json:"delay_ms"`
	Hits    int `json:"hits"`

	fault types.BaseMethodFault
}

func newHook(authority *authorization, watch *watcher) *hook {
	return &hook{authority: authority, watch: watch, counters: map[string]int{}}
}

// handle is called by the simulator for every request, before it looks for the method.
func (h *hook) handle(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	if ctx.Session != nil && ctx.Session.UserName == "" {
		return nil, nil // the stand-in's own calls, a dump for example
	}
	remark(ctx, method)
	hit := h.count(ctx, method)
	if hit != nil {
		time.Sleep(time.Duration(hit.DelayMs) * time.Millisecond)
		if hit.fault != nil {
			if hit.Task {
				return refuseTask(ctx, method, hit.fault), nil
			}
			return nil, hit.fault
		}
	}
	if ctx.Session == nil {
		if method.Name == "Fetch" {
			return elsewhere(ctx, method), nil
		}
		return nil, nil
	}
	if fault := h.authority.refuse(ctx, method); fault != nil {
		return nil, fault
	}
	if fault := outOfReach(ctx, method); fault != nil {
		if canFail(method.Name) {
			return refuseTask(ctx, method, fault), nil
		}
		return nil, fault
	}
	if fault := h.judge(ctx, method); fault != nil {
		return refuseTask(ctx, method, fault), nil
	}
	if bare(ctx.Session.UserName) != h.authority.administrator && slices.Contains(looks, method.Name) {
		method.This = lookerRef
		return ctx.Map.Get(lookerRef), nil
	}
	return elsewhere(ctx, method), nil
}

// elsewhere sends a call to the part of the stand-in that answers it; nil means the simulator does. The body keeps the
// true object.
func elsewhere(ctx *simulator.Context, method *simulator.Method) mo.Reference {
	switch method.Body.(type) {
	case *types.RelocateVM_Task, *types.MigrateVM_Task, *types.RenameSnapshot:
		method.This = moverRef
	case *types.ReconfigureComputeResource_Task, *types.ReconfigureCluster_Task, *types.GetResourceUsage,
		*types.RefreshRecommendation:
		method.This = clustersRef
	default:
		switch {
		case method.Name == "Fetch":
			method.This = fetcherRef
		case newSearcher().needed(ctx, method.Name):
			method.This = searcherRef
		default:
			return nil
		}
	}
	return ctx.Map.Get(method.This)
}

// count adds one to the method's counter and returns the rule that hits this call, if any.
func (h *hook) count(ctx *simulator.Context, method *simulator.Method) *rule {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counters[method.Name]++
	for _, r := range h.rules {
		if !r.matches(ctx, method) || r.Max > 0 && r.Hits >= r.Max {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		r.Hits++
		return r
	}
	return nil
}

func (r *rule) matches(ctx *simulator.Context, method *simulator.Method) bool {
	if r.Method != "" && r.Method != method.Name || r.Type != "" && r.Type != method.This.Type {
		return false
	}
	if r.Name == "" {
		return true
	}
	entity, ok := ctx.Map.Get(method.This).(mo.Entity)
	return ok && entity.Entity().Name == r.Name
}

// judge prepares or refuses calls about machines. A refusal becomes a failed task, as vCenter's is.
func (h *hook) judge(ctx *simulator.Context, method *simulator.Method) types.BaseMethodFault {
	switch req := method.Body.(type) {
	case *types.CreateVM_Task:
		return h.judgeCreate(ctx, req)
	case *types.ReconfigVM_Task:
		return h.judgeReconfigure(ctx, req)
	case *types.PowerOnVM_Task:
		if file := h.watch.lockedBy(req.This, h.watch.attached(req.This)); file != "" {
			return &types.FileLocked{FileFault: types.FileFault{File: file}}
		}
	}
	return nil
}

// judgeCreate refuses a datastore that is unknown or that no host of the pool mounts: the simulator dies of both.
func (h *hook) judgeCreate(ctx *simulator.Context, req *types.CreateVM_Task) types.BaseMethodFault {
	maskName(req)
	if req.Config.Files == nil {
		return nil // refused by the simulator itself
	}
	paths := append([]string{req.Config.Files.VmPathName}, h.newFiles(ctx, req.This, req.Config.DeviceChange)...)
	hosts := []types.ManagedObjectReference{}
	if req.Host != nil {
		hosts = append(hosts, *req.Host)
	} else if owner := above(ctx, req.Pool, "ClusterComputeResource"); owner != nil {
		if cluster, ok := ctx.Map.Get(*owner).(*simulator.ClusterComputeResource); ok {
			hosts = append(hosts, cluster.Host...)
		}
	}
	var fault types.BaseMethodFault = &types.InvalidArgument{InvalidProperty: "pool"}
	for _, host := range hosts {
		if fault = reachable(ctx, host, paths); fault == nil {
			fault = writable(ctx, host, paths)
		}
		if fault == nil {
			return nil
		}
	}
	return fault
}

// judgeReconfigure refuses disks on datastores the machine's host does not reach and disks that another running
// machine has open.
func (h *hook) judgeReconfigure(ctx *simulator.Context, req *types.ReconfigVM_Task) types.BaseMethodFault {
	machine, ok := ctx.Map.Get(req.This).(*simulator.VirtualMachine)
	if !ok || machine.Runtime.Host == nil || machine.Config == nil {
		return nil
	}
	added := h.newFiles(ctx, req.This, req.Spec.DeviceChange)
	paths := append([]string{machine.Config.Files.VmPathName}, h.watch.attached(req.This)...)
	if fault := reachable(ctx, *machine.Runtime.Host, append(paths, added...)); fault != nil {
		return fault
	}
	if fault := writable(ctx, *machine.Runtime.Host, added); fault != nil {
		return fault
	}
	if h.watch.running(req.This) {
		if file := h.watch.lockedBy(req.This, added); file != "" {
			return &types.FileLocked{FileFault: types.FileFault{File: file}}
		}
	}
	return nil
}

// newFiles are the datastore paths of the disks a request adds. For an existing file the size in the request is
// dropped: vCenter reads it from the file, and so does sizeDisks after the change. Its UUID is the file's own, too.
func (h *hook) newFiles(
	ctx *simulator.Context, on types.ManagedObjectReference, changes []types.BaseVirtualDeviceConfigSpec,
) []string {
	var files []string
	datacenter := above(ctx, on, "Datacenter")
	for _, change := range changes {
		spec := change.GetVirtualDeviceConfigSpec()
		disk, ok := spec.Device.(*types.VirtualDisk)
		if !ok || spec.Operation != types.VirtualDeviceConfigSpecOperationAdd {
			continue
		}
		file := fileOf(disk)
		if file == "" {
			continue
		}
		files = append(files, file)
		if spec.FileOperation == "" {
			if flat, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok && flat.Uuid == "" {
				flat.Uuid = h.watch.uuidOf(file)
			}
		}
		if spec.FileOperation == "" && datacenter != nil {
			if _, known := diskSize(ctx, datacenter, file); known {
				disk.CapacityInBytes, disk.CapacityInKB = 0, 0
			}
		}
	}
	return files
}

// reachable is a fault for the first path whose datastore the host does not mount or cannot access.
func reachable(ctx *simulator.Context, ref types.ManagedObjectReference, paths []string) types.BaseMethodFault {
	host, ok := ctx.Map.Get(ref).(*simulator.HostSystem)
	if !ok {
		return &types.ManagedObjectNotFound{Obj: ref}
	}
	for _, path := range paths {
		var at object.DatastorePath
		if !at.FromString(path) || at.Datastore == "" {
			continue // "[]" and empty names mean the machine's own datastore
		}
		store, ok := ctx.Map.FindByName(at.Datastore, host.Datastore).(*simulator.Datastore)
		if !ok {
			return &types.InvalidDatastore{Name: at.Datastore}
		}
		if fault := mounted(host, store); fault != nil {
			return fault
		}
	}
	return nil
}

// writable is a fault for the first path whose datastore the host mounts read-only: no disk can be placed or opened there.
func writable(ctx *simulator.Context, ref types.ManagedObjectReference, paths []string) types.BaseMethodFault {
	host, ok := ctx.Map.Get(ref).(*simulator.HostSystem)
	if !ok {
		return &types.ManagedObjectNotFound{Obj: ref}
	}
	for _, path := range paths {
		store, ok := ctx.Map.FindByName(pathOf(path).Datastore, host.Datastore).(*simulator.Datastore)
		if ok && readOnly(host, store) {
			return &types.CannotAccessFile{FileFault: types.FileFault{File: path}}
		}
	}
	return nil
}

// readOnly says whether the host mounts the datastore without the right to write.
func readOnly(host *simulator.HostSystem, store *simulator.Datastore) bool {
	return slices.ContainsFunc(store.Host, func(mount types.DatastoreHostMount) bool {
		return mount.Key == host.Self && mount.MountInfo.AccessMode == string(types.HostMountModeReadOnly)
	})
}

// mounted is a fault where the host does not mount the datastore, or cannot access it.
func mounted(host *simulator.HostSystem, store *simulator.Datastore) types.BaseMethodFault {
	if !slices.Contains(host.Datastore, store.Self) {
		return &types.InvalidDatastore{Datastore: &store.Self, Name: store.Name}
	}
	accessible := store.Summary.Accessible
	for _, mount := range store.Host {
		if mount.Key == host.Self {
			accessible = accessible && !isFalse(mount.MountInfo.Accessible) && !isFalse(mount.MountInfo.Mounted)
		}
	}
	if accessible {
		return nil
	}
	return &types.InaccessibleDatastore{
		InvalidDatastore: types.InvalidDatastore{Datastore: &store.Self, Name: store.Name},
	}
}

func isFalse(value *bool) bool { return value != nil && !*value }
