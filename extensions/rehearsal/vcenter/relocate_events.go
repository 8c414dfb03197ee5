// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

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
