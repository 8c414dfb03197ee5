// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// callKey holds the name of the method being called, in the call's context.
type callKey struct{}

// remark notes which method is being called, for the task it may make.
func remark(ctx *simulator.Context, method *simulator.Method) {
	if strings.HasSuffix(method.Name, "_Task") {
		ctx.Context = context.WithValue(ctx.Context, callKey{}, method.Name)
	}
}

// introduce completes a task that starts: the method's true name (clients look it up), the session's user as its
// initiator, the entity's name, and an entity of the inventory (clients refuse a manager in its place).
func introduce(ctx *simulator.Context, task *mo.Task) {
	if ctx == nil {
		return
	}
	if name, ok := ctx.Value(callKey{}).(string); ok {
		task.Info.Name = name
	}
	if ctx.Session != nil && ctx.Session.UserName != "" {
		task.Info.Reason = &types.TaskReasonUser{UserName: ctx.Session.UserName}
	}
	if task.Info.Entity == nil {
		return
	}
	entity, ok := ctx.Map.Get(*task.Info.Entity).(mo.Entity)
	if !ok {
		root := ctx.Map.All("Folder")[0]
		for _, folder := range ctx.Map.All("Folder") {
			if folder.Entity().Parent == nil {
				root = folder
			}
		}
		ref := root.Reference()
		entity, task.Info.Entity = root, &ref
	}
	task.Info.EntityName = entity.Entity().Name
}
