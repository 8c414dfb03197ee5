// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// caller makes calls as a client would, within the process and by nobody's session.
type caller struct {
	ctx    context.Context
	client *vim25.Client
}

func (s *standin) client(work func(*caller) error) error {
	ctx := context.Background()
	client, err := vim25.NewClient(ctx, s.model.Service)
	if err != nil {
		return err
	}
	return work(&caller{ctx, client})
}

// call makes a call that starts a task, and waits for its end.
func (st *stage) call(work func(*caller) (types.ManagedObjectReference, error)) error {
	return st.s.client(func(client *caller) error {
		task, err := work(client)
		if err != nil {
			return err
		}
		return object.NewTask(client.client, task).Wait(client.ctx)
	})
}

func (c *caller) createSnapshot(on types.ManagedObjectReference, name string) (types.ManagedObjectReference, error) {
	answer, err := methods.CreateSnapshot_Task(c.ctx, c.client, &types.CreateSnapshot_Task{
		This: on, Name: name, Description: "Left behind.",
	})
	if err != nil {
		return on, err
	}
	return answer.Returnval, nil
}

func (c *caller) removeAllSnapshots(on types.ManagedObjectReference) (types.ManagedObjectReference, error) {
	answer, err := methods.RemoveAllSnapshots_Task(c.ctx, c.client, &types.RemoveAllSnapshots_Task{This: on})
	if err != nil {
		return on, err
	}
	return answer.Returnval, nil
}

func (c *caller) reconfigure(
	on types.ManagedObjectReference, spec types.VirtualMachineConfigSpec,
) (types.ManagedObjectReference, error) {
	answer, err := methods.ReconfigVM_Task(c.ctx, c.client, &types.ReconfigVM_Task{This: on, Spec: spec})
	if err != nil {
		return on, err
	}
	return answer.Returnval, nil
}

func (c *caller) reconfigureCluster(
	on types.ManagedObjectReference, spec *types.ClusterConfigSpecEx,
) (types.ManagedObjectReference, error) {
	answer, err := methods.ReconfigureComputeResource_Task(c.ctx, c.client, &types.ReconfigureComputeResource_Task{
		This: on, Spec: spec, Modify: true,
	})
	if err != nil {
		return on, err
	}
	return answer.Returnval, nil
}

// permit gives a user a role of exactly these privileges on an object and all below it.
func (c *caller) permit(on types.ManagedObjectReference, user string, privileges []string) error {
	manager := object.NewAuthorizationManager(c.client)
	roles, err := manager.RoleList(c.ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s on %s", user, on.Value)
	var role int32
	if known := roles.ByName(name); known != nil {
		role = known.RoleId
		err = manager.UpdateRole(c.ctx, role, name, privileges)
	} else {
		role, err = manager.AddRole(c.ctx, name, privileges)
	}
	if err != nil {
		return err
	}
	return manager.SetEntityPermissions(c.ctx, on, []types.Permission{{Principal: user, RoleId: role, Propagate: true}})
}

func (c *caller) removePermission(on types.ManagedObjectReference, user string) error {
	return object.NewAuthorizationManager(c.client).RemoveEntityPermission(c.ctx, on, user, false)
}

// power changes a machine's power and waits for it.
func (c *caller) power(on types.ManagedObjectReference, what string) error {
	vm := object.NewVirtualMachine(c.client, on)
	calls := map[string]func(context.Context) (*object.Task, error){
		"on": vm.PowerOn, "off": vm.PowerOff, "reset": vm.Reset, "suspend": vm.Suspend,
	}
	task, err := calls[what](c.ctx)
	if err != nil {
		return err
	}
	return task.Wait(c.ctx)
}
