// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// authorization answers questions about privileges from the stored roles and permissions; the simulator's own methods
// always say yes. The administrator holds the Admin role everywhere, whatever is stored.
//
// What a user may look at is in sight.go; calls that change something ask for the privileges in needed().
type authorization struct {
	*simulator.AuthorizationManager
	administrator string
}

// privileges are the privileges of a user on an entity: the nearest permission up the tree that names the user counts.
func (a *authorization) privileges(ctx *simulator.Context, user string, on types.ManagedObjectReference) []string {
	if bare(user) == a.administrator {
		return a.role(func(r types.AuthorizationRole) bool { return r.Name == "Admin" })
	}
	for at, inherited := &on, false; at != nil; inherited = true {
		entity, ok := ctx.Map.Get(*at).(mo.Entity)
		if !ok {
			return nil
		}
		body := a.RetrieveEntityPermissions(ctx, &types.RetrieveEntityPermissions{Entity: *at})
		for _, permission := range body.(*methods.RetrieveEntityPermissionsBody).Res.Returnval {
			if permission.Group || bare(permission.Principal) != bare(user) || inherited && !permission.Propagate {
				continue
			}
			return a.role(func(r types.AuthorizationRole) bool { return r.RoleId == permission.RoleId })
		}
		at = entity.Entity().Parent
	}
	return nil
}

func (a *authorization) role(match func(types.AuthorizationRole) bool) []string {
	if i := slices.IndexFunc(a.RoleList, match); i >= 0 {
		return a.RoleList[i].Privilege
	}
	return nil
}

func (a *authorization) availability(
	ctx *simulator.Context, user string, on types.ManagedObjectReference, ids []string,
) []types.PrivilegeAvailability {
	has := a.privileges(ctx, user, on)
	answers := make([]types.PrivilegeAvailability, 0, len(ids))
	for _, id := range ids {
		answers = append(answers, types.PrivilegeAvailability{PrivId: id, IsGranted: slices.Contains(has, id)})
	}
	return answers
}

// userOf is the name behind a session key; empty for a session that does not exist.
func userOf(ctx *simulator.Context, key string) string {
	if ctx.Session.Key == key {
		return ctx.Session.UserName
	}
	content := ctx.Map.Get(vim25.ServiceInstance).(*simulator.ServiceInstance).Content
	if manager, ok := ctx.Session.Get(*content.SessionManager).(*simulator.SessionManager); ok {
		for _, session := range manager.SessionList {
			if session.Key == key {
				return session.UserName
			}
		}
	}
	return ""
}

func (a *authorization) entities(
	ctx *simulator.Context, user string, entities []types.ManagedObjectReference, ids []string,
) []types.EntityPrivilege {
	answers := make([]types.EntityPrivilege, 0, len(entities))
	for _, entity := range entities {
		answers = append(answers, types.EntityPrivilege{
			Entity: entity, PrivAvailability: a.availability(ctx, user, entity, ids),
		})
	}
	return answers
}

// HasPrivilegeOnEntities answers the method of the same name.
func (a *authorization) HasPrivilegeOnEntities(
	ctx *simulator.Context, req *types.HasPrivilegeOnEntities,
) soap.HasFault {
	return &methods.HasPrivilegeOnEntitiesBody{Res: &types.HasPrivilegeOnEntitiesResponse{
		Returnval: a.entities(ctx, userOf(ctx, req.SessionId), req.Entity, req.PrivId),
	}}
}

// HasPrivilegeOnEntity answers the method of the same name.
func (a *authorization) HasPrivilegeOnEntity(ctx *simulator.Context, req *types.HasPrivilegeOnEntity) soap.HasFault {
	var granted []bool
	for _, answer := range a.availability(ctx, userOf(ctx, req.SessionId), req.Entity, req.PrivId) {
		granted = append(granted, answer.IsGranted)
	}
	return &methods.HasPrivilegeOnEntityBody{Res: &types.HasPrivilegeOnEntityResponse{Returnval: granted}}
}

// HasUserPrivilegeOnEntities answers the method of the same name.
func (a *authorization) HasUserPrivilegeOnEntities(
	ctx *simulator.Context, req *types.HasUserPrivilegeOnEntities,
) soap.HasFault {
	return &methods.HasUserPrivilegeOnEntitiesBody{Res: &types.HasUserPrivilegeOnEntitiesResponse{
		Returnval: a.entities(ctx, req.UserName, req.Entities, req.PrivId),
	}}
}

// FetchUserPrivilegeOnEntities answers the method of the same name.
func (a *authorization) FetchUserPrivilegeOnEntities(
	ctx *simulator.Context, req *types.FetchUserPrivilegeOnEntities,
) soap.HasFault {
	var answers []types.UserPrivilegeResult
	for _, entity := range req.Entities {
		answers = append(answers, types.UserPrivilegeResult{
			Entity: entity, Privileges: a.privileges(ctx, req.UserName, entity),
		})
	}
	return &methods.FetchUserPrivilegeOnEntitiesBody{
		Res: &types.FetchUserPrivilegeOnEntitiesResponse{Returnval: answers},
	}
}

// SetEntityPermissions keeps with each permission the entity it is on, which the simulator leaves out.
func (a *authorization) SetEntityPermissions(req *types.SetEntityPermissions) soap.HasFault {
	for i := range req.Permission {
		req.Permission[i].Entity = &req.Entity
	}
	return a.AuthorizationManager.SetEntityPermissions(req)
}

// AddAuthorizationRole returns the new role's id, which the simulator leaves out of its answer.
func (a *authorization) AddAuthorizationRole(req *types.AddAuthorizationRole) soap.HasFault {
	body := a.AuthorizationManager.AddAuthorizationRole(req).(*methods.AddAuthorizationRoleBody)
	if body.Res != nil {
		body.Res.Returnval = a.RoleList[len(a.RoleList)-1].RoleId
	}
	return body
}

// need is one privilege a call asks for, and on what.
type need struct {
	privilege string
	on        types.ManagedObjectReference
}

// needed are the privileges of the calls a failback makes (and those the stand-in's tests need refused).
func needed(method *simulator.Method) []need {
	switch req := method.Body.(type) {
	case *types.CreateVM_Task:
		return []need{{"VirtualMachine.Inventory.Create", req.This}}
	case *types.Destroy_Task:
		if req.This.Type == "VirtualMachine" {
			return []need{{"VirtualMachine.Inventory.Delete", req.This}}
		}
	case *types.PowerOnVM_Task:
		return []need{{"VirtualMachine.Interact.PowerOn", req.This}}
	case *types.PowerOffVM_Task:
		return []need{{"VirtualMachine.Interact.PowerOff", req.This}}
	case *types.ShutdownGuest:
		return []need{{"VirtualMachine.Interact.PowerOff", req.This}}
	case *types.CreateSnapshot_Task:
		return []need{{"VirtualMachine.State.CreateSnapshot", req.This}}
	case *types.RemoveAllSnapshots_Task:
		return []need{{"VirtualMachine.State.RemoveSnapshot", req.This}}
	case *types.ReconfigureComputeResource_Task:
		return []need{{"Host.Inventory.EditCluster", req.This}}
	case *types.ReconfigureCluster_Task:
		return []need{{"Host.Inventory.EditCluster", req.This}}
	case *types.MigrateVM_Task:
		return []need{{"Resource.HotMigrate", req.This}}
	case *types.RelocateVM_Task:
		return []need{{"Resource.HotMigrate", req.This}}
	case *types.ConfigureStorageDrsForPod_Task:
		return []need{{"StoragePod.Config", req.Pod}}
	case *types.SetEntityPermissions:
		return []need{{"Authorization.ModifyPermissions", req.Entity}}
	case *types.ReconfigVM_Task:
		return reconfigureNeeds(req)
	}
	return nil
}

func reconfigureNeeds(req *types.ReconfigVM_Task) []need {
	var needs []need
	if len(req.Spec.ExtraConfig) > 0 {
		needs = append(needs, need{"VirtualMachine.Config.AdvancedConfig", req.This})
	}
	for _, change := range req.Spec.DeviceChange {
		spec := change.GetVirtualDeviceConfigSpec()
		privilege := "VirtualMachine.Config.AddRemoveDevice"
		if _, disk := spec.Device.(*types.VirtualDisk); disk {
			switch {
			case spec.Operation == types.VirtualDeviceConfigSpecOperationRemove:
				privilege = "VirtualMachine.Config.RemoveDisk"
			case spec.Operation == types.VirtualDeviceConfigSpecOperationEdit:
				privilege = "VirtualMachine.Config.EditDevice"
			case spec.FileOperation == "":
				privilege = "VirtualMachine.Config.AddExistingDisk"
			default:
				privilege = "VirtualMachine.Config.AddNewDisk"
			}
		}
		needs = append(needs, need{privilege, req.This})
	}
	return needs
}

// refuse is NoPermission for the first privilege the session's user lacks; nil when there is none.
func (a *authorization) refuse(ctx *simulator.Context, method *simulator.Method) types.BaseMethodFault {
	if bare(ctx.Session.UserName) == a.administrator {
		return nil
	}
	var fault types.BaseMethodFault
	ctx.WithLock(a, func() {
		for _, n := range needed(method) {
			if !slices.Contains(a.privileges(ctx, ctx.Session.UserName, n.on), n.privilege) {
				on := n.on
				fault = &types.NoPermission{Object: &on, PrivilegeId: n.privilege}
				return
			}
		}
	})
	return fault
}
