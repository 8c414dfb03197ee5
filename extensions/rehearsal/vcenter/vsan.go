// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	vim "github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vsan/methods"
	vsansim "github.com/vmware/govmomi/vsan/simulator"
	"github.com/vmware/govmomi/vsan/types"
)

// vsanHealth answers what a cluster's vSAN is asked for its health; the rest of that endpoint is the simulator's own.
type vsanHealth struct {
	vim.ManagedObjectReference

	s *standin
}

// registerVsan serves the vSAN management endpoint beside the API's own.
func registerVsan(s *standin) {
	registry := vsansim.New()
	registry.Put(&vsanHealth{
		vim.ManagedObjectReference{Type: "VsanVcClusterHealthSystem", Value: "vsan-cluster-health-system"}, s,
	})
	s.model.Service.RegisterSDK(registry)
}

// VsanQueryVcClusterHealthSummary answers the method of the same name: green where vSAN is on, unknown where it is not.
func (h *vsanHealth) VsanQueryVcClusterHealthSummary(
	_ *simulator.Context, req *types.VsanQueryVcClusterHealthSummary,
) soap.HasFault {
	now := time.Now().UTC()
	summary := types.VsanClusterHealthSummary{
		Timestamp: &now, OverallHealth: "unknown", OverallHealthDescription: "vSAN is not enabled on this cluster.",
		Cluster: req.Cluster,
	}
	if req.Cluster != nil {
		ctx := h.s.context()
		cluster, ok := ctx.Map.Get(*req.Cluster).(*simulator.ClusterComputeResource)
		if !ok {
			return &methods.VsanQueryVcClusterHealthSummaryBody{
				Fault_: simulator.Fault("", &vim.ManagedObjectNotFound{Obj: *req.Cluster}),
			}
		}
		config, _ := cluster.ConfigurationEx.(*vim.ClusterConfigInfoEx)
		if vsan := config.VsanConfigInfo; vsan != nil && vsan.Enabled != nil && *vsan.Enabled {
			summary.OverallHealth, summary.OverallHealthDescription = "green", "Healthy"
		}
	}
	return &methods.VsanQueryVcClusterHealthSummaryBody{
		Res: &types.VsanQueryVcClusterHealthSummaryResponse{Returnval: summary},
	}
}
