// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// clusters answers the reconfiguration of clusters: the simulator drops most of what DRS and HA are told, and knows
// ReconfigureCluster_Task, the older of the two calls, not at all.
type clusters struct {
	mo.ExtensibleManagedObject
}

var clustersRef = types.ManagedObjectReference{Type: "RehearsalClusters", Value: "clusters"}

func newClusters() *clusters {
	c := &clusters{}
	c.Self = clustersRef
	return c
}

// ReconfigureComputeResourceTask answers ReconfigureComputeResource_Task.
func (*clusters) ReconfigureComputeResourceTask(
	ctx *simulator.Context, req *types.ReconfigureComputeResource_Task,
) soap.HasFault {
	cluster, ok := ctx.Map.Get(req.This).(*simulator.ClusterComputeResource)
	if !ok {
		return &methods.ReconfigureComputeResource_TaskBody{
			Fault_: simulator.Fault("", &types.MethodNotFound{Receiver: req.This, Method: "ReconfigureComputeResource_Task"}),
		}
	}
	return reconfigureCluster(ctx, cluster, req)
}

// ReconfigureClusterTask answers ReconfigureCluster_Task.
func (*clusters) ReconfigureClusterTask(ctx *simulator.Context, req *types.ReconfigureCluster_Task) soap.HasFault {
	cluster, ok := ctx.Map.Get(req.This).(*simulator.ClusterComputeResource)
	if !ok {
		return &methods.ReconfigureCluster_TaskBody{
			Fault_: simulator.Fault("", &types.MethodNotFound{Receiver: req.This, Method: "ReconfigureCluster_Task"}),
		}
	}
	body := reconfigureCluster(ctx, cluster, &types.ReconfigureComputeResource_Task{
		This:   req.This,
		Modify: req.Modify,
		Spec: &types.ClusterConfigSpecEx{
			DasConfig:       req.Spec.DasConfig,
			DasVmConfigSpec: req.Spec.DasVmConfigSpec,
			DrsConfig:       req.Spec.DrsConfig,
			DrsVmConfigSpec: req.Spec.DrsVmConfigSpec,
			RulesSpec:       req.Spec.RulesSpec,
		},
	})
	return &methods.ReconfigureCluster_TaskBody{
		Res: &types.ReconfigureCluster_TaskResponse{Returnval: body.Res.Returnval},
	}
}

func reconfigureCluster(
	ctx *simulator.Context, cluster *simulator.ClusterComputeResource, req *types.ReconfigureComputeResource_Task,
) *methods.ReconfigureComputeResource_TaskBody {
	var body *methods.ReconfigureComputeResource_TaskBody
	ctx.WithLock(cluster, func() {
		if spec, ok := req.Spec.(*types.ClusterConfigSpecEx); ok {
			if config, ok := cluster.ConfigurationEx.(*types.ClusterConfigInfoEx); ok {
				keep(config, spec)
			}
		}
		body = cluster.ReconfigureComputeResourceTask(ctx, req).(*methods.ReconfigureComputeResource_TaskBody)
	})
	return body
}

// keep stores what the simulator leaves out: whole values that were given replace those that were there.
func keep(config *types.ClusterConfigInfoEx, spec *types.ClusterConfigSpecEx) {
	if drs := spec.DrsConfig; drs != nil {
		given(&config.DrsConfig.EnableVmBehaviorOverrides, drs.EnableVmBehaviorOverrides)
		given(&config.DrsConfig.ScaleDescendantsShares, drs.ScaleDescendantsShares)
		if drs.VmotionRate != 0 {
			config.DrsConfig.VmotionRate = drs.VmotionRate
		}
		if len(drs.Option) > 0 {
			config.DrsConfig.Option = drs.Option
		}
	}
	if das := spec.DasConfig; das != nil {
		given(&config.DasConfig.VmMonitoring, das.VmMonitoring)
		given(&config.DasConfig.HostMonitoring, das.HostMonitoring)
		given(&config.DasConfig.VmComponentProtecting, das.VmComponentProtecting)
		given(&config.DasConfig.AdmissionControlPolicy, das.AdmissionControlPolicy)
		given(&config.DasConfig.DefaultVmSettings, das.DefaultVmSettings)
		if len(das.Option) > 0 {
			config.DasConfig.Option = das.Option
		}
	}
	if dpm := spec.DpmConfig; dpm != nil {
		if config.DpmConfigInfo == nil {
			config.DpmConfigInfo = &types.ClusterDpmConfigInfo{}
		}
		given(&config.DpmConfigInfo.Enabled, dpm.Enabled)
		given(&config.DpmConfigInfo.DefaultDpmBehavior, dpm.DefaultDpmBehavior)
		given(&config.DpmConfigInfo.HostPowerActionRate, dpm.HostPowerActionRate)
	}
	given(&config.InfraUpdateHaConfig, spec.InfraUpdateHaConfig)
	given(&config.ProactiveDrsConfig, spec.ProactiveDrsConfig)
}

// given takes a value over unless it is unset.
func given[T comparable](to *T, value T) {
	var unset T
	if value != unset {
		*to = value
	}
}
