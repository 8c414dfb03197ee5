// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// sight is what one user may look at in one call: objects on which the user holds any privilege, and what is above them,
// which leads there. Other objects are in no list and not found, and a look at one by its id is refused.
type sight struct {
	ctx       *simulator.Context
	authority *authorization
	user      string
	above     map[types.ManagedObjectReference]bool
	known     map[types.ManagedObjectReference]bool
}

func (a *authorization) sightOf(ctx *simulator.Context) *sight {
	s := &sight{
		ctx: ctx, authority: a, user: ctx.Session.UserName,
		above: map[types.ManagedObjectReference]bool{}, known: map[types.ManagedObjectReference]bool{},
	}
	ctx.WithLock(a, func() {
		all := a.RetrieveAllPermissions(&types.RetrieveAllPermissions{}).(*methods.RetrieveAllPermissionsBody).Res.Returnval
		for _, permission := range all {
			if permission.Entity == nil || permission.Group || bare(permission.Principal) != bare(s.user) ||
				len(a.privileges(ctx, s.user, *permission.Entity)) == 0 {
				continue
			}
			for at := parentOf(ctx, *permission.Entity); at != nil; at = parentOf(ctx, *at) {
				s.above[*at] = true
			}
		}
	})
	return s
}

// sees says whether the user may look at an object; what is no entity belongs to the user's own session, or to all.
func (s *sight) sees(ref types.ManagedObjectReference) bool {
	if seen, known := s.known[ref]; known {
		return seen
	}
	seen := true
	if _, entity := s.ctx.Map.Get(ref).(mo.Entity); entity && !s.above[ref] {
		s.ctx.WithLock(s.authority, func() { seen = len(s.authority.privileges(s.ctx, s.user, ref)) > 0 })
	}
	s.known[ref] = seen
	return seen
}

func (s *sight) only(refs []types.ManagedObjectReference) []types.ManagedObjectReference {
	return slices.DeleteFunc(slices.Clone(refs), func(ref types.ManagedObjectReference) bool { return !s.sees(ref) })
}

// value is a property's value without references to what the user does not see.
func (s *sight) value(val any) any {
	switch of := val.(type) {
	case types.ArrayOfManagedObjectReference:
		return types.ArrayOfManagedObjectReference{ManagedObjectReference: s.only(of.ManagedObjectReference)}
	case *types.ArrayOfManagedObjectReference:
		return &types.ArrayOfManagedObjectReference{ManagedObjectReference: s.only(of.ManagedObjectReference)}
	case []types.ManagedObjectReference:
		return s.only(of)
	}
	return val
}

// contents leaves out objects that were come across; of those that were asked for by id every property is refused.
func (s *sight) contents(found []types.ObjectContent, named map[types.ManagedObjectReference]bool) []types.ObjectContent {
	kept := make([]types.ObjectContent, 0, len(found))
	for _, content := range found {
		switch {
		case s.sees(content.Obj):
			for i := range content.PropSet {
				content.PropSet[i].Val = s.value(content.PropSet[i].Val)
			}
			kept = append(kept, content)
		case named[content.Obj]:
			for _, property := range content.PropSet {
				content.MissingSet = append(content.MissingSet, types.MissingProperty{
					Path: property.Name, Fault: types.LocalizedMethodFault{Fault: s.refusal(content.Obj)},
				})
			}
			content.PropSet = nil
			kept = append(kept, content)
		}
	}
	return kept
}

func (s *sight) refusal(of types.ManagedObjectReference) *types.NoPermission {
	return &types.NoPermission{Object: &of, PrivilegeId: read}
}

// looks are the calls whose answers depend on what the user sees.
var looks = []string{
	"RetrieveProperties", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx", "Fetch", "FindByUuid", "FindAllByUuid",
	"FindByInventoryPath", "FindChild", "FindByDatastorePath", "FindByDnsName", "FindAllByDnsName", "FindByIp",
	"FindAllByIp", "WaitForUpdatesEx", "WaitForUpdates",
}

// looker answers those calls for a user who is not the administrator: the true object's answer, cut down.
type looker struct {
	mo.ExtensibleManagedObject

	authority *authorization
	fetcher   *fetcher
}

var lookerRef = types.ManagedObjectReference{Type: "RehearsalLooker", Value: "looker"}

func newLooker(authority *authorization) *looker {
	l := &looker{authority: authority, fetcher: newFetcher()}
	l.Self = lookerRef
	return l
}

// Lock and Unlock keep the calls from waiting for each other: the looker has no state.
func (*looker) Lock() {}

// Unlock belongs to Lock.
func (*looker) Unlock() {}

// pass makes the call on the object that it was meant for.
func pass(ctx *simulator.Context, to types.ManagedObjectReference, name string, req any) soap.HasFault {
	var handler mo.Reference
	if s := newSearcher(); s.needed(ctx, name) {
		handler = s
	} else if handler = ctx.Session.Get(to); handler == nil {
		handler = ctx.Map.Get(to)
	}
	if handler == nil {
		return &methods.RetrievePropertiesBody{Fault_: simulator.Fault("", &types.ManagedObjectNotFound{Obj: to})}
	}
	method := reflect.ValueOf(handler).MethodByName(name)
	arguments := []reflect.Value{reflect.ValueOf(req)}
	if method.Type().NumIn() == 2 {
		arguments = append([]reflect.Value{reflect.ValueOf(ctx)}, arguments...)
	}
	return method.Call(arguments)[0].Interface().(soap.HasFault)
}

func namedIn(specs []types.PropertyFilterSpec) map[types.ManagedObjectReference]bool {
	named := map[types.ManagedObjectReference]bool{}
	for _, spec := range specs {
		for _, object := range spec.ObjectSet {
			named[object.Obj] = true
		}
	}
	return named
}

// RetrieveProperties answers the method of the same name.
func (l *looker) RetrieveProperties(ctx *simulator.Context, req *types.RetrieveProperties) soap.HasFault {
	body := pass(ctx, req.This, "RetrieveProperties", req)
	if of, ok := body.(*methods.RetrievePropertiesBody); ok && of.Res != nil {
		of.Res.Returnval = l.authority.sightOf(ctx).contents(of.Res.Returnval, namedIn(req.SpecSet))
	}
	return body
}

// RetrievePropertiesEx answers the method of the same name.
func (l *looker) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	body := pass(ctx, req.This, "RetrievePropertiesEx", req)
	if of, ok := body.(*methods.RetrievePropertiesExBody); ok && of.Res != nil && of.Res.Returnval != nil {
		of.Res.Returnval.Objects = l.authority.sightOf(ctx).contents(of.Res.Returnval.Objects, namedIn(req.SpecSet))
	}
	return body
}

// ContinueRetrievePropertiesEx answers the method of the same name.
func (l *looker) ContinueRetrievePropertiesEx(
	ctx *simulator.Context, req *types.ContinueRetrievePropertiesEx,
) soap.HasFault {
	body := pass(ctx, req.This, "ContinueRetrievePropertiesEx", req)
	if of, ok := body.(*methods.ContinueRetrievePropertiesExBody); ok && of.Res != nil {
		of.Res.Returnval.Objects = l.authority.sightOf(ctx).contents(of.Res.Returnval.Objects, nil)
	}
	return body
}

// Fetch answers a look at one property.
func (l *looker) Fetch(ctx *simulator.Context, request any) soap.HasFault {
	seen := l.authority.sightOf(ctx)
	of := reflect.ValueOf(request).Elem().FieldByName("This").Interface().(types.ManagedObjectReference)
	if !seen.sees(of) {
		return &fetchBody{Fault_: simulator.Fault("", seen.refusal(of))}
	}
	body := l.fetcher.Fetch(ctx, request)
	if res := reflect.ValueOf(body).Elem().FieldByName("Res"); res.IsValid() && !res.IsNil() {
		if val := res.Elem().FieldByName("Returnval"); val.IsValid() && !val.IsNil() {
			val.Set(reflect.ValueOf(seen.value(val.Interface())))
		}
	}
	return body
}

// find passes a search on and takes out of its answer what the user does not see: such an object is not found.
func (l *looker) find(ctx *simulator.Context, to types.ManagedObjectReference, req any) soap.HasFault {
	name := strings.TrimPrefix(reflect.TypeOf(req).Elem().Name(), "types.")
	body := pass(ctx, to, name, req)
	res := reflect.ValueOf(body).Elem().FieldByName("Res")
	if !res.IsValid() || res.IsNil() {
		return body
	}
	seen, found := l.authority.sightOf(ctx), res.Elem().FieldByName("Returnval")
	switch of := found.Interface().(type) {
	case *types.ManagedObjectReference:
		if of != nil && !seen.sees(*of) {
			found.SetZero()
		}
	case []types.ManagedObjectReference:
		found.Set(reflect.ValueOf(seen.only(of)))
	}
	return body
}

// FindByUuid answers the method of the same name; so do those below.
func (l *looker) FindByUuid(ctx *simulator.Context, req *types.FindByUuid) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindAllByUuid(ctx *simulator.Context, req *types.FindAllByUuid) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindByInventoryPath(ctx *simulator.Context, req *types.FindByInventoryPath) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindChild(ctx *simulator.Context, req *types.FindChild) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindByDatastorePath(ctx *simulator.Context, req *types.FindByDatastorePath) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindByDnsName(ctx *simulator.Context, req *types.FindByDnsName) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindAllByDnsName(ctx *simulator.Context, req *types.FindAllByDnsName) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindByIp(ctx *simulator.Context, req *types.FindByIp) soap.HasFault {
	return l.find(ctx, req.This, req)
}

func (l *looker) FindAllByIp(ctx *simulator.Context, req *types.FindAllByIp) soap.HasFault {
	return l.find(ctx, req.This, req)
}
