// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// whence is the text of the events with which a move begins. The simulator's own for one of them cannot be parsed, which
// ends the whole server, and it lacks the other two.
const whence = " {{.Vm.Name}} from {{.Host.Name}}, {{.Ds.Name}} in {{.Datacenter.Name}} to " +
	"{{.DestHost.Name}}, {{.DestDatastore.Name}} in {{.DestDatacenter.Name}}"

// describeEvents completes the event manager's descriptions, from which the texts of events are made.
func describeEvents(manager *simulator.EventManager) {
	moves := []types.EventDescriptionEventDetail{
		{Key: "VmBeingMigratedEvent", Description: "VM migrating", Category: "info", FullFormat: "Relocating" + whence},
		{Key: "VmBeingHotMigratedEvent", Description: "VM is hot migrating", Category: "info", FullFormat: "Migrating" + whence},
		{Key: "VmBeingRelocatedEvent", Description: "VM relocating", Category: "info", FullFormat: "Relocating" + whence},
	}
	described := map[string]bool{}
	for _, one := range moves {
		described[one.Key] = true
	}
	for _, one := range manager.Description.EventInfo {
		if !described[one.Key] {
			moves = append(moves, one)
		}
	}
	manager.Description.EventInfo = moves
}
