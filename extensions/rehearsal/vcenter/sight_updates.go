// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// updates leaves out what the user does not see; of objects that a filter names by id its own list of missing ones says so.
func (s *sight) updates(set *types.UpdateSet) {
	for i := range set.FilterSet {
		of := &set.FilterSet[i]
		named := map[types.ManagedObjectReference]bool{}
		if filter, ok := s.ctx.Session.Get(of.Filter).(*simulator.PropertyFilter); ok {
			named = namedIn([]types.PropertyFilterSpec{filter.Spec})
		}
		kept := make([]types.ObjectUpdate, 0, len(of.ObjectSet))
		for _, update := range of.ObjectSet {
			switch {
			case s.sees(update.Obj):
				// The changes may belong to the object itself: they are not changed in their place.
				update.ChangeSet = slices.Clone(update.ChangeSet)
				for n := range update.ChangeSet {
					update.ChangeSet[n].Val = s.value(update.ChangeSet[n].Val)
				}
				kept = append(kept, update)
			case named[update.Obj]:
				of.MissingSet = append(of.MissingSet, types.MissingObject{
					Obj: update.Obj, Fault: types.LocalizedMethodFault{Fault: s.refusal(update.Obj)},
				})
			}
		}
		of.ObjectSet = kept
	}
	set.FilterSet = slices.DeleteFunc(set.FilterSet, func(of types.PropertyFilterUpdate) bool {
		return len(of.ObjectSet) == 0 && len(of.MissingSet) == 0
	})
}

// WaitForUpdatesEx answers the method of the same name. A change that the user does not see wakes nobody up.
func (l *looker) WaitForUpdatesEx(ctx *simulator.Context, req *types.WaitForUpdatesEx) soap.HasFault {
	var deadline time.Time
	if req.Options != nil && req.Options.MaxWaitSeconds != nil {
		deadline = time.Now().Add(time.Duration(*req.Options.MaxWaitSeconds) * time.Second)
	}
	for {
		first := req.Version == ""
		body := pass(ctx, req.This, "WaitForUpdatesEx", req)
		of, ok := body.(*methods.WaitForUpdatesExBody)
		if !ok || of.Res == nil || of.Res.Returnval == nil {
			return body
		}
		set := of.Res.Returnval
		l.authority.sightOf(ctx).updates(set)
		if first || len(set.FilterSet) > 0 || set.Truncated != nil && *set.Truncated {
			return body
		}
		req.Version = set.Version
		if deadline.IsZero() {
			continue
		}
		left := int32(max(0, time.Until(deadline).Seconds()))
		if left == 0 {
			of.Res.Returnval = nil
			return body
		}
		options := *req.Options
		options.MaxWaitSeconds, req.Options = &left, &options
	}
}

// WaitForUpdates answers the older method of the same kind, which knows no options.
func (l *looker) WaitForUpdates(ctx *simulator.Context, req *types.WaitForUpdates) soap.HasFault {
	for {
		first := req.Version == ""
		body := pass(ctx, req.This, "WaitForUpdates", req)
		of, ok := body.(*methods.WaitForUpdatesBody)
		if !ok || of.Res == nil {
			return body
		}
		l.authority.sightOf(ctx).updates(&of.Res.Returnval)
		if first || len(of.Res.Returnval.FilterSet) > 0 {
			return body
		}
		req.Version = of.Res.Returnval.Version
	}
}
