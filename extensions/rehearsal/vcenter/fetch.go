// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// fetcher answers Fetch, the call behind a look at one property of an object. For an unset property the simulator sends
// another call's answer, of which clients make an error; vCenter sends an empty one. A property that the client knows and
// the simulator does not is unset, too.
type fetcher struct {
	mo.ExtensibleManagedObject
}

var fetcherRef = types.ManagedObjectReference{Type: "RehearsalFetcher", Value: "fetcher"}

func newFetcher() *fetcher {
	f := &fetcher{}
	f.Self = fetcherRef
	return f
}

// Lock and Unlock keep the calls from waiting for each other: the fetcher has no state.
func (*fetcher) Lock() {}

// Unlock belongs to Lock.
func (*fetcher) Unlock() {}

type fetchResponse struct{}

type fetchBody struct {
	Res    *fetchResponse `xml:"FetchResponse,omitempty"`
	Fault_ *soap.Fault    `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault,omitempty"`
}

// Fault belongs to soap.HasFault.
func (b *fetchBody) Fault() *soap.Fault { return b.Fault_ }

// Fetch hands the call on to the session's property collector. The request's type cannot be named outside the simulator.
func (*fetcher) Fetch(ctx *simulator.Context, request any) soap.HasFault {
	ref := ctx.Map.Get(types.ManagedObjectReference{Type: "ServiceInstance", Value: "ServiceInstance"}).(*simulator.ServiceInstance).
		Content.PropertyCollector
	var collector mo.Reference
	if ctx.Session != nil {
		collector = ctx.Session.Get(ref)
	}
	if collector == nil {
		collector = ctx.Map.Get(ref)
	}
	answers := reflect.ValueOf(collector).MethodByName("Fetch").Call(
		[]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)},
	)
	body := answers[0].Interface().(soap.HasFault)
	if other, ok := body.(*methods.RetrievePropertiesExBody); ok && other.Fault() == nil {
		return &fetchBody{Res: &fetchResponse{}}
	}
	if fault := body.Fault(); fault != nil {
		if _, unknown := fault.VimFault().(types.InvalidProperty); unknown {
			return &fetchBody{Res: &fetchResponse{}}
		}
		if _, unknown := fault.VimFault().(*types.InvalidProperty); unknown {
			return &fetchBody{Res: &fetchResponse{}}
		}
	}
	return body
}
