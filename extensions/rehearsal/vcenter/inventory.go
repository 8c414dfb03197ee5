// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func init() {
	for kind, listed := range map[string]struct {
		service, key string
		of           func(*simulator.Context, mo.Entity) fields
	}{
		"HostSystem":             {"com.vmware.vcenter.host", "host", hostSummary},
		"ClusterComputeResource": {"com.vmware.vcenter.cluster", "cluster", clusterSummary},
		"Datastore":              {"com.vmware.vcenter.datastore", "datastore", storeSummary},
		"Datacenter":             {"com.vmware.vcenter.datacenter", "datacenter", nothingMore},
		"Folder":                 {"com.vmware.vcenter.folder", "folder", folderSummary},
		"Network":                {"com.vmware.vcenter.network", "network", networkSummary},
		"ResourcePool":           {"com.vmware.vcenter.resource_pool", "resource_pool", nothingMore},
		"VirtualMachine":         {"com.vmware.vcenter.VM", "vm", machineSummary},
	} {
		operations[strings.ToLower(listed.service)+".list"] = func(r *rest, in fields) (any, *problem) {
			ctx, filter, found := r.s.context(), in.inner("filter"), []any{}
			for _, item := range ctx.Map.All(kind) {
				ref, name := item.Reference().Value, item.Entity().Name
				if !r.sees(item.Reference()) {
					continue
				}
				if !filter.chooses(listed.key+"s", ref) || !filter.chooses("names", name, plain(name)) || !r.below(ctx, item, filter) {
					continue
				}
				summary := listed.of(ctx, item)
				if state, told := summary["power_state"].(string); told && !filter.chooses("power_states", state) {
					continue
				}
				summary[listed.key], summary["name"] = ref, plain(name)
				found = append(found, record{listed.service + ".summary", summary})
			}
			return found, nil
		}
	}
	operations["com.vmware.vcenter.vm.get"] = ofMachine(machineInfo)
	operations["com.vmware.vcenter.vm.power.get"] = ofMachine(func(_ *simulator.Context, vm *simulator.VirtualMachine) (any, *problem) {
		return record{"com.vmware.vcenter.vm.power.info", fields{
			"state": powerWord(vm.Runtime.PowerState), "clean_power_off": optional{},
		}}, nil
	})
	for operation, of := range map[string]struct{ what, privilege string }{
		"start":   {"on", "VirtualMachine.Interact.PowerOn"},
		"stop":    {"off", "VirtualMachine.Interact.PowerOff"},
		"reset":   {"reset", "VirtualMachine.Interact.Reset"},
		"suspend": {"suspend", "VirtualMachine.Interact.Suspend"},
	} {
		operations["com.vmware.vcenter.vm.power."+operation] = func(r *rest, in fields) (any, *problem) {
			vm := machineOf(r.s.context(), in.text("vm"))
			if vm == nil {
				return nil, notFound(in.text("vm"))
			}
			if !r.may(of.privilege, vm.Self) {
				return nil, forbidden(of.privilege)
			}
			if err := r.s.client(func(c *caller) error { return c.power(vm.Self, of.what) }); err != nil {
				return nil, &problem{http.StatusBadRequest, "not_allowed_in_current_state", err.Error()}
			}
			return nil, nil
		}
	}
	operations["com.vmware.vcenter.vm.tools.get"] = ofMachine(toolsInfo)
	operations["com.vmware.vcenter.vm.guest.identity.get"] = ofMachine(identityInfo)
	operations["com.vmware.vcenter.cluster.get"] = func(r *rest, in fields) (any, *problem) {
		cluster, ok := r.s.context().Map.Get(reference("ClusterComputeResource", in.text("cluster"))).(*simulator.ClusterComputeResource)
		if !ok {
			return nil, notFound(in.text("cluster"))
		}
		if !r.sees(cluster.Self) {
			return nil, forbidden(read)
		}
		return record{"com.vmware.vcenter.cluster.info", fields{
			"name": plain(cluster.Name), "resource_pool": cluster.ResourcePool.Value,
		}}, nil
	}
	operations["com.vmware.vcenter.datastore.get"] = func(r *rest, in fields) (any, *problem) {
		store, ok := r.s.context().Map.Get(reference("Datastore", in.text("datastore"))).(*simulator.Datastore)
		if !ok {
			return nil, notFound(in.text("datastore"))
		}
		if !r.sees(store.Self) {
			return nil, forbidden(read)
		}
		return record{"com.vmware.vcenter.datastore.info", fields{
			"name": plain(store.Name), "type": storeWord(store.Summary.Type), "accessible": store.Summary.Accessible,
			"free_space":                  optional{store.Summary.FreeSpace},
			"multiple_host_access":        store.Summary.MultipleHostAccess != nil && *store.Summary.MultipleHostAccess,
			"thin_provisioning_supported": true,
		}}, nil
	}
	operations["com.vmware.vcenter.datacenter.get"] = func(r *rest, in fields) (any, *problem) {
		center, ok := r.s.context().Map.Get(reference("Datacenter", in.text("datacenter"))).(*simulator.Datacenter)
		if !ok {
			return nil, notFound(in.text("datacenter"))
		}
		if !r.sees(center.Self) {
			return nil, forbidden(read)
		}
		return record{"com.vmware.vcenter.datacenter.info", fields{
			"name": plain(center.Name), "datastore_folder": center.DatastoreFolder.Value, "host_folder": center.HostFolder.Value,
			"network_folder": center.NetworkFolder.Value, "vm_folder": center.VmFolder.Value,
		}}, nil
	}
}

// read is the privilege to look at an object; every role holds it but "no access".
const read = "System.Read"

// sees says whether the caller may look at an object.
func (r *rest) sees(ref types.ManagedObjectReference) bool { return r.may(read, ref) }

// may says whether the caller has a privilege on an object.
func (r *rest) may(privilege string, ref types.ManagedObjectReference) bool {
	authority, ctx, held := r.s.hook.authority, r.s.context(), []string(nil)
	if bare(r.asker) == authority.administrator {
		return true
	}
	ctx.WithLock(authority, func() { held = authority.privileges(ctx, r.asker, ref) })
	return slices.Contains(held, privilege) || privilege == read && len(held) > 0
}

// mayOnRoot says whether the caller has a privilege on the whole inventory, as tags need it.
func (r *rest) mayOnRoot(privilege string) bool {
	for _, folder := range r.s.context().Map.All("Folder") {
		if folder.Entity().Parent == nil {
			return r.may(privilege, folder.Reference())
		}
	}
	return false
}

func reference(kind, value string) types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: kind, Value: value}
}

// below says whether an object is where the filter asks: machines by host, cluster, datacenter and folder.
func (r *rest) below(ctx *simulator.Context, item mo.Entity, filter fields) bool {
	at := item.Reference()
	parents := map[string][]string{}
	add := func(ref *types.ManagedObjectReference) {
		for ; ref != nil; ref = parentOf(ctx, *ref) {
			parents[ref.Type] = append(parents[ref.Type], ref.Value)
		}
	}
	add(parentOf(ctx, at))
	if vm, ok := item.(*simulator.VirtualMachine); ok {
		add(vm.Runtime.Host)
	}
	for key, kind := range map[string]string{
		"hosts": "HostSystem", "clusters": "ClusterComputeResource", "datacenters": "Datacenter", "folders": "Folder",
		"parent_folders": "Folder",
	} {
		if key == strings.ToLower(strings.TrimSuffix(at.Type, "System"))+"s" || key == "clusters" && at.Type == kind {
			continue // the object's own ids
		}
		if !filter.chooses(key, parents[kind]...) {
			return false
		}
	}
	if folder, ok := item.(*simulator.Folder); ok {
		if wanted := filter.text("type"); wanted != "" && wanted != folderType(folder) {
			return false
		}
		if list, given := filter["type"].([]any); given && len(list) > 0 && list[0] != folderType(folder) {
			return false
		}
	}
	return true
}

func parentOf(ctx *simulator.Context, ref types.ManagedObjectReference) *types.ManagedObjectReference {
	if entity, ok := ctx.Map.Get(ref).(mo.Entity); ok {
		return entity.Entity().Parent
	}
	return nil
}

func nothingMore(*simulator.Context, mo.Entity) fields { return fields{} }

func hostSummary(_ *simulator.Context, item mo.Entity) fields {
	host := item.(*simulator.HostSystem)
	states := map[types.HostSystemConnectionState]string{
		types.HostSystemConnectionStateConnected:     "CONNECTED",
		types.HostSystemConnectionStateDisconnected:  "DISCONNECTED",
		types.HostSystemConnectionStateNotResponding: "NOT_RESPONDING",
	}
	return fields{
		"connection_state": states[host.Runtime.ConnectionState], "power_state": optional{"POWERED_ON"},
		"host_uuid": optional{host.Summary.Hardware.Uuid},
	}
}

func clusterSummary(_ *simulator.Context, item mo.Entity) fields {
	config, _ := item.(*simulator.ClusterComputeResource).ConfigurationEx.(*types.ClusterConfigInfoEx)
	on := func(value *bool) bool { return value != nil && *value }
	return fields{"ha_enabled": on(config.DasConfig.Enabled), "drs_enabled": on(config.DrsConfig.Enabled)}
}

func storeSummary(_ *simulator.Context, item mo.Entity) fields {
	store := item.(*simulator.Datastore)
	return fields{
		"type": storeWord(store.Summary.Type), "free_space": optional{store.Summary.FreeSpace},
		"capacity": optional{store.Summary.Capacity},
	}
}

func storeWord(kind string) string {
	switch word := strings.ToUpper(kind); word {
	case "VMFS", "NFS", "NFS41", "CIFS", "VSAN", "VFFS", "VVOL":
		return word
	}
	return "VMFS"
}

func folderSummary(_ *simulator.Context, item mo.Entity) fields {
	return fields{"type": folderType(item.(*simulator.Folder))}
}

func folderType(folder *simulator.Folder) string {
	for _, kind := range folder.ChildType {
		switch kind {
		case "VirtualMachine":
			return "VIRTUAL_MACHINE"
		case "ComputeResource":
			return "HOST"
		case "Datastore":
			return "DATASTORE"
		case "Network":
			return "NETWORK"
		}
	}
	return "DATACENTER"
}

func networkSummary(*simulator.Context, mo.Entity) fields {
	return fields{"type": "STANDARD_PORTGROUP"}
}
