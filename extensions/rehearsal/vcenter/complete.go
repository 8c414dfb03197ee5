// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// What other clients read of clusters, hosts and machines and the simulator leaves out. vCenter always has these.

// completeCluster gives a new cluster the settings a new cluster has.
func completeCluster(cluster *simulator.ClusterComputeResource) {
	config, ok := cluster.ConfigurationEx.(*types.ClusterConfigInfoEx)
	if !ok {
		return
	}
	if config.ProactiveDrsConfig == nil {
		config.ProactiveDrsConfig = &types.ClusterProactiveDrsConfigInfo{Enabled: types.NewBool(false)}
	}
	unset(&config.DrsConfig.EnableVmBehaviorOverrides, types.NewBool(true))
	unset(&config.DrsConfig.DefaultVmBehavior, types.DrsBehaviorFullyAutomated)
	unset(&config.DrsConfig.VmotionRate, 3)
	unset(&config.DasConfig.Enabled, types.NewBool(false))
	unset(&config.DasConfig.HostMonitoring, string(types.ClusterDasConfigInfoServiceStateEnabled))
	unset(&config.DasConfig.VmMonitoring, string(types.ClusterDasConfigInfoVmMonitoringStateVmMonitoringDisabled))
	unset(&config.DasConfig.AdmissionControlEnabled, types.NewBool(true))
	if config.DasConfig.AdmissionControlPolicy == nil {
		config.DasConfig.AdmissionControlPolicy = &types.ClusterFailoverLevelAdmissionControlPolicy{FailoverLevel: 1}
	}
	if config.DasConfig.DefaultVmSettings == nil {
		config.DasConfig.DefaultVmSettings = &types.ClusterDasVmSettings{
			RestartPriority:   string(types.DasVmPriorityMedium),
			IsolationResponse: string(types.ClusterDasVmSettingsIsolationResponseNone),
			VmToolsMonitoringSettings: &types.ClusterVmToolsMonitoringSettings{
				Enabled:          types.NewBool(false),
				VmMonitoring:     string(types.ClusterDasConfigInfoVmMonitoringStateVmMonitoringDisabled),
				ClusterSettings:  types.NewBool(true),
				FailureInterval:  30,
				MinUpTime:        120,
				MaxFailures:      3,
				MaxFailureWindow: -1,
			},
		}
	}
	if config.DpmConfigInfo == nil {
		config.DpmConfigInfo = &types.ClusterDpmConfigInfo{
			Enabled: types.NewBool(false), DefaultDpmBehavior: types.DpmBehaviorAutomated, HostPowerActionRate: 3,
		}
	}
	if config.VsanConfigInfo == nil {
		config.VsanConfigInfo = &types.VsanClusterConfigInfo{
			Enabled:       types.NewBool(false),
			DefaultConfig: &types.VsanClusterConfigInfoHostDefaultInfo{AutoClaimStorage: types.NewBool(false)},
		}
	}
	mirrorCluster(cluster)
}

// mirrorCluster brings the older of a cluster's two configurations up to date: clients look up overrides and rules there.
func mirrorCluster(cluster *simulator.ClusterComputeResource) {
	config, ok := cluster.ConfigurationEx.(*types.ClusterConfigInfoEx)
	if !ok {
		return
	}
	cluster.Configuration = types.ClusterConfigInfo{
		DasConfig:   config.DasConfig,
		DasVmConfig: config.DasVmConfig,
		DrsConfig:   config.DrsConfig,
		DrsVmConfig: config.DrsVmConfig,
		Rule:        config.Rule,
	}
}

// completeNics adds the services that a host's adapters can be chosen for and the simulator does not list; none is chosen.
func completeNics(manager *simulator.HostVirtualNicManager) {
	for _, kind := range []types.HostVirtualNicManagerNicType{
		types.HostVirtualNicManagerNicTypeVmotion, types.HostVirtualNicManagerNicTypeFaultToleranceLogging,
		types.HostVirtualNicManagerNicTypeVSphereReplication, types.HostVirtualNicManagerNicTypeVSphereReplicationNFC,
		types.HostVirtualNicManagerNicTypeVSphereProvisioning, types.HostVirtualNicManagerNicTypeVsan,
		types.HostVirtualNicManagerNicTypeVsanWitness,
	} {
		known := slices.ContainsFunc(manager.Info.NetConfig, func(c types.VirtualNicManagerNetConfig) bool {
			return c.NicType == string(kind)
		})
		if !known {
			manager.Info.NetConfig = append(slices.Clone(manager.Info.NetConfig), types.VirtualNicManagerNetConfig{
				NicType: string(kind), MultiSelectAllowed: true,
			})
		}
	}
}

// hostMemory is what a host has: enough for a fleet, which the simulator's 4 GB are not for a single machine of one.
const hostMemory = 128 << 30

// completeHost gives a host its memory.
func completeHost(host *simulator.HostSystem) {
	if host.Summary.Hardware != nil {
		hardware := *host.Summary.Hardware
		hardware.MemorySize = hostMemory
		host.Summary.Hardware = &hardware
	}
	if host.Hardware != nil {
		hardware := *host.Hardware
		hardware.MemorySize = hostMemory
		host.Hardware = &hardware
	}
}

// unset gives a value to what has none.
func unset[T comparable](to *T, value T) {
	var empty T
	if *to == empty {
		*to = value
	}
}

// completeTools fills in what machines report about their tools.
func completeTools(machine *mo.VirtualMachine) {
	if machine.Config == nil {
		return
	}
	if machine.Config.Tools == nil {
		machine.Config.Tools = &types.ToolsConfigInfo{}
	}
	tools := machine.Config.Tools
	unset(&tools.ToolsUpgradePolicy, string(types.UpgradePolicyManual))
	if tools.LastInstallInfo == nil {
		tools.LastInstallInfo = &types.ToolsConfigInfoToolsLastInstallInfo{}
	}
	if machine.Guest == nil || machine.Guest.ToolsStatus == "" ||
		machine.Guest.ToolsStatus == types.VirtualMachineToolsStatusToolsNotInstalled {
		return
	}
	unset(&tools.ToolsVersion, 12389)
	unset(&tools.ToolsInstallType, string(types.VirtualMachineToolsInstallTypeGuestToolsTypeOpenVMTools))
	machine.Guest.ToolsVersion = "12389"
	machine.Guest.ToolsInstallType = tools.ToolsInstallType
	machine.Guest.ToolsVersionStatus = string(types.VirtualMachineToolsVersionStatusGuestToolsCurrent)
	machine.Guest.ToolsVersionStatus2 = machine.Guest.ToolsVersionStatus
}

// completeNetwork gives a host's network system the configuration that belongs to what it has.
func completeNetwork(network *simulator.HostNetworkSystem) {
	if network.NetworkConfig != nil || network.NetworkInfo == nil {
		return
	}
	config := &types.HostNetworkConfig{}
	for _, nic := range network.NetworkInfo.Pnic {
		config.Pnic = append(config.Pnic, types.PhysicalNicConfig{Device: nic.Device, Spec: nic.Spec})
	}
	for _, vswitch := range network.NetworkInfo.Vswitch {
		config.Vswitch = append(config.Vswitch, types.HostVirtualSwitchConfig{Name: vswitch.Name, Spec: &vswitch.Spec})
	}
	for _, group := range network.NetworkInfo.Portgroup {
		config.Portgroup = append(config.Portgroup, types.HostPortGroupConfig{Spec: &group.Spec})
	}
	network.NetworkConfig = config
}

// vsanSystem is the vSAN side of every host; none of them is a member of a vSAN.
type vsanSystem struct {
	mo.HostVsanSystem
}

// QueryHostStatus answers the method of the same name.
func (*vsanSystem) QueryHostStatus(*types.QueryHostStatus) soap.HasFault {
	return &methods.QueryHostStatusBody{Res: &types.QueryHostStatusResponse{
		Returnval: types.VsanHostClusterStatus{
			Health: string(types.VsanHostHealthStateUnknown),
			NodeState: types.VsanHostClusterStatusState{
				State: string(types.VsanHostNodeStateDisabled),
			},
		},
	}}
}

// imageConfig returns what every host was installed from.
type imageConfig struct {
	mo.HostImageConfigManager
}

// HostImageConfigGetAcceptance answers the method of the same name.
func (*imageConfig) HostImageConfigGetAcceptance(*types.HostImageConfigGetAcceptance) soap.HasFault {
	return &methods.HostImageConfigGetAcceptanceBody{Res: &types.HostImageConfigGetAcceptanceResponse{
		Returnval: string(types.HostImageAcceptanceLevelPartner),
	}}
}

// FetchSoftwarePackages answers the method of the same name.
func (*imageConfig) FetchSoftwarePackages(*types.FetchSoftwarePackages) soap.HasFault {
	made := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	return &methods.FetchSoftwarePackagesBody{Res: &types.FetchSoftwarePackagesResponse{
		Returnval: []types.SoftwarePackage{{
			Name: "esx-base", Version: "8.0.3-0.0.1", Type: "bootbank", Vendor: "VMware", AcceptanceLevel: "vmware_certified",
			Summary: "ESXi", Description: "ESXi", CreationDate: &made,
		}},
	}}
}

// dateTimeSystem is the clock of every host.
type dateTimeSystem struct {
	mo.HostDateTimeSystem
}

// QueryDateTime answers the method of the same name.
func (*dateTimeSystem) QueryDateTime(*types.QueryDateTime) soap.HasFault {
	return &methods.QueryDateTimeBody{Res: &types.QueryDateTimeResponse{Returnval: time.Now().UTC()}}
}

// hostSystems are the parts of hosts that every host refers to and the simulator does not make.
func hostSystems() []mo.Reference {
	services := &mo.HostServiceSystem{}
	services.Self = types.ManagedObjectReference{Type: "HostServiceSystem", Value: "serviceSystem"}
	for _, one := range []struct {
		key, label, policy string
		running            bool
	}{
		{"TSM-SSH", "SSH", "off", false},
		{"ntpd", "NTP Daemon", "on", true},
		{"vpxa", "VMware vCenter Agent", "on", true},
	} {
		services.ServiceInfo.Service = append(services.ServiceInfo.Service, types.HostService{
			Key: one.key, Label: one.label, Policy: one.policy, Running: one.running,
			SourcePackage: &types.HostServiceSourcePackage{SourcePackageName: "esx-base", Description: "ESXi"},
		})
	}
	clock := &dateTimeSystem{}
	clock.Self = types.ManagedObjectReference{Type: "HostDateTimeSystem", Value: "dateTimeSystem"}
	clock.DateTimeInfo = types.HostDateTimeInfo{
		TimeZone:  types.HostDateTimeSystemTimeZone{Key: "UTC", Name: "UTC", Description: "UTC"},
		NtpConfig: &types.HostNtpConfig{Server: []string{"ntp.home.example"}},
	}
	image := &imageConfig{}
	image.Self = types.ManagedObjectReference{Type: "HostImageConfigManager", Value: "ha-image-config-manager"}
	vsan := &vsanSystem{}
	vsan.Self = types.ManagedObjectReference{Type: "HostVsanSystem", Value: "vsanSystem"}
	return []mo.Reference{services, clock, vsan, image}
}

// RefreshRecommendation answers the method of the same name: DRS never has any here.
func (*clusters) RefreshRecommendation(*types.RefreshRecommendation) soap.HasFault {
	return &methods.RefreshRecommendationBody{Res: &types.RefreshRecommendationResponse{}}
}

// GetResourceUsage returns what a cluster's machines and datastores use.
func (*clusters) GetResourceUsage(ctx *simulator.Context, req *types.GetResourceUsage) soap.HasFault {
	cluster, ok := ctx.Map.Get(req.This).(*simulator.ClusterComputeResource)
	if !ok {
		return &methods.GetResourceUsageBody{Fault_: simulator.Fault("", &types.ManagedObjectNotFound{Obj: req.This})}
	}
	usage := types.ClusterResourceUsageSummary{}
	for _, ref := range cluster.Host {
		host, ok := ctx.Map.Get(ref).(*simulator.HostSystem)
		if !ok || host.Summary.Hardware == nil {
			continue
		}
		hardware := host.Summary.Hardware
		usage.CpuCapacityMHz += hardware.CpuMhz * int32(hardware.NumCpuCores)
		usage.CpuUsedMHz += host.Summary.QuickStats.OverallCpuUsage
		usage.MemCapacityMB += int32(hardware.MemorySize >> 20)
		usage.MemUsedMB += host.Summary.QuickStats.OverallMemoryUsage
	}
	for _, ref := range cluster.Datastore {
		if store, ok := ctx.Map.Get(ref).(*simulator.Datastore); ok {
			usage.StorageCapacityMB += store.Summary.Capacity >> 20
			usage.StorageUsedMB += (store.Summary.Capacity - store.Summary.FreeSpace) >> 20
		}
	}
	return &methods.GetResourceUsageBody{Res: &types.GetResourceUsageResponse{Returnval: usage}}
}
