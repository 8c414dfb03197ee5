// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// scene is one state to play: POST /play takes one or a list of them, and a fleet's site holds a list under `states`.
// Name is the object's name; what else counts depends on the state. Off puts things back as they were.
type scene struct {
	State string `json:"state"`
	Name  string `json:"name"`
	// Host narrows a datastore's state to one host; empty means all.
	Host string `json:"host"`
	// To is a datastore's new name, or the name of a snapshot.
	To string `json:"to"`
	// User, Password and Privileges belong to a permission.
	User       string   `json:"user"`
	Password   string   `json:"password"`
	Privileges []string `json:"privileges"`
	Off        bool     `json:"off"`
}

// stage plays scenes and remembers what it replaced.
type stage struct {
	s       *standin
	configs map[types.ManagedObjectReference]types.VirtualMachineConfigInfo
	names   map[types.ManagedObjectReference]string
	made    map[string]int32
}

// states: word -> what it does.
var states = map[string]func(*stage, *simulator.Context, scene) error{
	"host_not_responding":       hostState(types.HostSystemConnectionStateNotResponding),
	"host_disconnected":         hostState(types.HostSystemConnectionStateDisconnected),
	"host_in_maintenance":       (*stage).maintenance,
	"vm_disconnected":           machineState(types.VirtualMachineConnectionStateDisconnected),
	"vm_orphaned":               machineState(types.VirtualMachineConnectionStateOrphaned),
	"vm_inaccessible":           machineState(types.VirtualMachineConnectionStateInaccessible),
	"vm_invalid":                machineState(types.VirtualMachineConnectionStateInvalid),
	"vm_config_missing":         (*stage).configMissing,
	"vm_snapshot":               (*stage).snapshot,
	"vm_rdm":                    (*stage).rawDevice,
	"vm_vsan_disk":              (*stage).vsanDisk,
	"vm_foreign_rule":           (*stage).foreignRule,
	"cluster_ignores_overrides": (*stage).ignoresOverrides,
	"datastore_renamed":         (*stage).renamed,
	"datastore_unmounted":       mountState(func(mount *types.HostMountInfo, off bool) { mount.Mounted, mount.Accessible = &off, &off }),
	"datastore_inaccessible":    mountState(func(mount *types.HostMountInfo, off bool) { mount.Accessible = &off }),
	"datastore_read_only": mountState(func(mount *types.HostMountInfo, off bool) {
		mount.AccessMode = string(types.HostMountModeReadOnly)
		if off {
			mount.AccessMode = string(types.HostMountModeReadWrite)
		}
	}),
	"permission": (*stage).permission,
}

func newStage(s *standin) *stage {
	return &stage{
		s:       s,
		configs: map[types.ManagedObjectReference]types.VirtualMachineConfigInfo{},
		names:   map[types.ManagedObjectReference]string{},
		made:    map[string]int32{},
	}
}

func (s *standin) postPlay(r *http.Request) (any, error) {
	var raw json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
		return nil, err
	}
	var scenes []scene
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		raw = append(append([]byte("["), raw...), ']')
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&scenes); err != nil {
		return nil, err
	}
	for _, one := range scenes {
		play, known := states[one.State]
		if !known {
			words := make([]string, 0, len(states))
			for word := range states {
				words = append(words, word)
			}
			slices.Sort(words)
			return nil, fmt.Errorf("state %q is not one of %s", one.State, strings.Join(words, ", "))
		}
		if err := play(s.stage, s.context(), one); err != nil {
			return nil, fmt.Errorf("%s of %s: %w", one.State, one.Name, err)
		}
	}
	return map[string]any{"played": len(scenes)}, nil
}

// named finds an object of a kind by its name, written plainly or as vCenter escapes it.
func named[T mo.Entity](ctx *simulator.Context, kind, name string) (T, error) {
	var none T
	for _, item := range ctx.Map.All(kind) {
		if have := item.Entity().Name; have == name || plain(have) == name {
			if found, ok := item.(T); ok {
				return found, nil
			}
		}
	}
	return none, fmt.Errorf("there is no %s of that name", kind)
}

func hostState(state types.HostSystemConnectionState) func(*stage, *simulator.Context, scene) error {
	return func(_ *stage, ctx *simulator.Context, one scene) error {
		host, err := named[*simulator.HostSystem](ctx, "HostSystem", one.Name)
		if err != nil {
			return err
		}
		now, machines := state, types.VirtualMachineConnectionStateDisconnected
		if one.Off {
			now, machines = types.HostSystemConnectionStateConnected, types.VirtualMachineConnectionStateConnected
		}
		ctx.WithLock(host, func() {
			ctx.Update(host, []types.PropertyChange{
				{Name: "runtime.connectionState", Val: now}, {Name: "summary.runtime.connectionState", Val: now},
			})
		})
		// What vCenter lists of its machines is what it knew last.
		for _, ref := range host.Vm {
			if machine, ok := ctx.Map.Get(ref).(*simulator.VirtualMachine); ok {
				setConnection(ctx, machine, machines)
			}
		}
		return nil
	}
}

func machineState(state types.VirtualMachineConnectionState) func(*stage, *simulator.Context, scene) error {
	return func(_ *stage, ctx *simulator.Context, one scene) error {
		machine, err := named[*simulator.VirtualMachine](ctx, "VirtualMachine", one.Name)
		if err != nil {
			return err
		}
		now := state
		if one.Off {
			now = types.VirtualMachineConnectionStateConnected
		}
		setConnection(ctx, machine, now)
		return nil
	}
}

func setConnection(ctx *simulator.Context, machine *simulator.VirtualMachine, now types.VirtualMachineConnectionState) {
	ctx.WithLock(machine, func() {
		ctx.Update(machine, []types.PropertyChange{
			{Name: "runtime.connectionState", Val: now}, {Name: "summary.runtime.connectionState", Val: now},
		})
	})
}

func (*stage) maintenance(ctx *simulator.Context, one scene) error {
	host, err := named[*simulator.HostSystem](ctx, "HostSystem", one.Name)
	if err != nil {
		return err
	}
	ctx.WithLock(host, func() {
		ctx.Update(host, []types.PropertyChange{
			{Name: "runtime.inMaintenanceMode", Val: !one.Off}, {Name: "summary.runtime.inMaintenanceMode", Val: !one.Off},
		})
	})
	return nil
}

// foreignRule puts a rule of another kind under the name that pinning the machine would use; To chooses another name.
func (st *stage) foreignRule(ctx *simulator.Context, one scene) error {
	machine, err := named[*simulator.VirtualMachine](ctx, "VirtualMachine", one.Name)
	if err != nil {
		return err
	}
	owner := above(ctx, *machine.Runtime.Host, "ClusterComputeResource")
	if owner == nil {
		return errors.New("its host is in no cluster, and rules are a cluster's")
	}
	name := one.To
	if name == "" {
		name = "homeward-asr-" + machine.Self.Value + "-rule"
	}
	cluster := ctx.Map.Get(*owner).(*simulator.ClusterComputeResource)
	spec := &types.ClusterConfigSpecEx{}
	if one.Off {
		for _, rule := range cluster.ConfigurationEx.(*types.ClusterConfigInfoEx).Rule {
			if info := rule.GetClusterRuleInfo(); info.Name == name {
				remove := types.ClusterRuleSpec{}
				remove.Operation, remove.RemoveKey = types.ArrayUpdateOperationRemove, info.Key
				spec.RulesSpec = append(spec.RulesSpec, remove)
			}
		}
	} else {
		rule := &types.ClusterAntiAffinityRuleSpec{Vm: []types.ManagedObjectReference{machine.Self}}
		rule.Name, rule.Enabled = name, types.NewBool(true)
		add := types.ClusterRuleSpec{Info: rule}
		add.Operation = types.ArrayUpdateOperationAdd
		spec.RulesSpec = append(spec.RulesSpec, add)
	}
	return st.call(func(client *caller) (types.ManagedObjectReference, error) {
		return client.reconfigureCluster(*owner, spec)
	})
}

func (*stage) ignoresOverrides(ctx *simulator.Context, one scene) error {
	cluster, err := named[*simulator.ClusterComputeResource](ctx, "ClusterComputeResource", one.Name)
	if err != nil {
		return err
	}
	ctx.WithLock(cluster, func() {
		cluster.ConfigurationEx.(*types.ClusterConfigInfoEx).DrsConfig.EnableVmBehaviorOverrides = &one.Off
	})
	return nil
}

// renamed gives a datastore another name; the paths of the machines on it follow, as they do in vCenter.
func (st *stage) renamed(ctx *simulator.Context, one scene) error {
	store, err := named[*simulator.Datastore](ctx, "Datastore", one.Name)
	if err != nil && one.Off {
		// It bears its other name now.
		for ref, former := range st.names {
			if former == one.Name {
				store, _ = ctx.Map.Get(ref).(*simulator.Datastore)
				err = nil
			}
		}
	}
	if err != nil || store == nil {
		return err
	}
	old, now := store.Name, one.To
	if one.Off {
		now = one.Name
		delete(st.names, store.Self)
	} else if now == "" {
		return errors.New("`to` says no new name")
	} else {
		st.names[store.Self] = old
	}
	ctx.WithLock(store, func() {
		store.Info.GetDatastoreInfo().Name = now
		ctx.Update(store, []types.PropertyChange{{Name: "name", Val: now}, {Name: "summary.name", Val: now}})
	})
	for _, ref := range store.Vm {
		if machine, ok := ctx.Map.Get(ref).(*simulator.VirtualMachine); ok && machine.Config != nil {
			ctx.WithLock(machine, func() { rewrite(ctx, machine, old, now) })
		}
	}
	return nil
}

// rewrite puts a datastore's new name into all paths of a machine.
func rewrite(ctx *simulator.Context, machine *simulator.VirtualMachine, old, now string) {
	follow := func(name *string) {
		if at := pathOf(*name); at.Datastore == old {
			*name = (&object.DatastorePath{Datastore: now, Path: at.Path}).String()
		}
	}
	for _, disk := range disksOf(machine.Config.Hardware.Device) {
		if backing, ok := disk.Backing.(types.BaseVirtualDeviceFileBackingInfo); ok {
			follow(&backing.GetVirtualDeviceFileBackingInfo().FileName)
		}
	}
	files := machine.Config.Files
	for _, name := range []*string{
		&files.VmPathName, &files.LogDirectory, &files.SnapshotDirectory, &files.SuspendDirectory, &files.FtMetadataDirectory,
	} {
		follow(name)
	}
	changes := []types.PropertyChange{
		{Name: "config.hardware.device", Val: machine.Config.Hardware.Device},
		{Name: "config.files", Val: files},
		{Name: "summary.config.vmPathName", Val: files.VmPathName},
	}
	if layout := machine.LayoutEx; layout != nil {
		list := *layout
		list.File = slices.Clone(layout.File)
		for i := range list.File {
			follow(&list.File[i].Name)
		}
		changes = append(changes, types.PropertyChange{Name: "layoutEx", Val: list})
	}
	ctx.Update(machine, changes)
}

func mountState(change func(*types.HostMountInfo, bool)) func(*stage, *simulator.Context, scene) error {
	return func(_ *stage, ctx *simulator.Context, one scene) error {
		store, err := named[*simulator.Datastore](ctx, "Datastore", one.Name)
		if err != nil {
			return err
		}
		touched := 0
		ctx.WithLock(store, func() {
			mounts := slices.Clone(store.Host)
			any := false
			for i := range mounts {
				host, ok := ctx.Map.Get(mounts[i].Key).(*simulator.HostSystem)
				if ok && (one.Host == "" || host.Name == one.Host) {
					change(&mounts[i].MountInfo, one.Off)
					touched++
				}
				any = any || !isFalse(mounts[i].MountInfo.Accessible)
			}
			ctx.Update(store, []types.PropertyChange{
				{Name: "host", Val: mounts}, {Name: "summary.accessible", Val: any},
			})
		})
		if touched == 0 {
			return fmt.Errorf("no host %q mounts it", one.Host)
		}
		return nil
	}
}

// permission gives a user a separate role on an object: a host, a cluster, a datastore, a machine or a folder. The
// user is made when a password is given. Off takes the permission away.
func (st *stage) permission(ctx *simulator.Context, one scene) error {
	if one.User == "" {
		return errors.New("`user` is missing")
	}
	var on mo.Entity
	for _, kind := range []string{
		"VirtualMachine", "HostSystem", "ClusterComputeResource", "Datastore", "StoragePod", "Datacenter", "Folder", "Network",
	} {
		if found, err := named[mo.Entity](ctx, kind, one.Name); err == nil {
			on = found
			break
		}
	}
	if on == nil {
		return errors.New("there is no object of that name")
	}
	if one.Password != "" {
		st.s.users.add(one.User, one.Password)
	}
	return st.s.client(func(client *caller) error {
		if one.Off {
			return client.removePermission(on.Reference(), one.User)
		}
		return client.permit(on.Reference(), one.User, one.Privileges)
	})
}
