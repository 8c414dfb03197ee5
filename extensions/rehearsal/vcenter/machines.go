// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func machineSummary(_ *simulator.Context, item mo.Entity) fields {
	vm := item.(*simulator.VirtualMachine)
	return fields{
		"power_state": powerWord(vm.Runtime.PowerState), "cpu_count": optional{int64(vm.Summary.Config.NumCpu)},
		"memory_size_MiB": optional{int64(vm.Summary.Config.MemorySizeMB)},
	}
}

func powerWord(state types.VirtualMachinePowerState) string {
	switch state {
	case types.VirtualMachinePowerStatePoweredOn:
		return "POWERED_ON"
	case types.VirtualMachinePowerStateSuspended:
		return "SUSPENDED"
	}
	return "POWERED_OFF"
}

func machineOf(ctx *simulator.Context, id string) *simulator.VirtualMachine {
	vm, _ := ctx.Map.Get(reference("VirtualMachine", id)).(*simulator.VirtualMachine)
	return vm
}

func ofMachine(tell func(*simulator.Context, *simulator.VirtualMachine) (any, *problem)) work {
	return func(r *rest, in fields) (any, *problem) {
		ctx := r.s.context()
		vm := machineOf(ctx, in.text("vm"))
		if vm == nil {
			return nil, notFound("The virtual machine " + in.text("vm"))
		}
		if !r.sees(vm.Self) {
			return nil, forbidden(read)
		}
		var value any
		var failed *problem
		ctx.WithLock(vm, func() { value, failed = tell(ctx, vm) })
		return value, failed
	}
}

func toolsInfo(_ *simulator.Context, vm *simulator.VirtualMachine) (any, *problem) {
	state := "NOT_RUNNING"
	if vm.Guest != nil && vm.Guest.ToolsRunningStatus == string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		state = "RUNNING"
	}
	return record{"com.vmware.vcenter.vm.tools.info", fields{
		"auto_update_supported": false, "install_attempt_count": optional{int64(0)}, "error": optional{},
		"version_number": optional{int64(12389)}, "version": optional{"12389"}, "upgrade_policy": "MANUAL",
		"version_status": optional{"CURRENT"}, "install_type": optional{"OPEN_VM_TOOLS"}, "run_state": state,
		"guest_reboot_status": optional{},
	}}, nil
}

func identityInfo(_ *simulator.Context, vm *simulator.VirtualMachine) (any, *problem) {
	if vm.Guest == nil || vm.Guest.ToolsRunningStatus != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		return nil, &problem{http.StatusServiceUnavailable, "service_unavailable", "VMware Tools do not run."}
	}
	family := "LINUX"
	if strings.Contains(strings.ToLower(vm.Config.GuestId), "windows") {
		family = "WINDOWS"
	}
	return record{"com.vmware.vcenter.vm.guest.identity.info", fields{
		"name": guestWord(vm.Config.GuestId), "family": family, "host_name": vm.Guest.HostName,
		"ip_address": optional{vm.Guest.IpAddress},
		"full_name": record{"com.vmware.vapi.std.localizable_message", fields{
			"id": "rehearsal.guest", "default_message": vm.Config.GuestFullName, "args": []any{},
		}},
	}}, nil
}

// guestWord is a guest's id as this side of the API spells it.
func guestWord(id string) string {
	switch {
	case strings.HasPrefix(id, "windows2019"):
		return "WINDOWS_SERVER_2019"
	case strings.HasPrefix(id, "ubuntu"):
		return "UBUNTU_64"
	}
	return "OTHER_64"
}

func machineInfo(_ *simulator.Context, vm *simulator.VirtualMachine) (any, *problem) {
	if vm.Config == nil {
		return nil, &problem{http.StatusServiceUnavailable, "service_unavailable", "Its configuration cannot be read."}
	}
	disks, nics := mapping{}, mapping{}
	for _, device := range object.VirtualDeviceList(vm.Config.Hardware.Device) {
		key := fmt.Sprint(device.GetVirtualDevice().Key)
		switch d := device.(type) {
		case *types.VirtualDisk:
			unit := int64(0)
			if d.UnitNumber != nil {
				unit = int64(*d.UnitNumber)
			}
			disks[key] = record{"com.vmware.vcenter.vm.hardware.disk.info", fields{
				"label": label(d.DeviceInfo), "type": "SCSI", "ide": optional{}, "sata": optional{}, "nvme": optional{},
				"scsi":     optional{record{"com.vmware.vcenter.vm.hardware.scsi_address_info", fields{"bus": int64(0), "unit": unit}}},
				"backing":  record{"com.vmware.vcenter.vm.hardware.disk.backing_info", fields{"type": "VMDK_FILE", "vmdk_file": optional{fileOf(d)}}},
				"capacity": optional{d.CapacityInBytes},
			}}
		case types.BaseVirtualEthernetCard:
			nics[key] = nicInfo(d)
		}
	}
	return record{"com.vmware.vcenter.VM.info", fields{
		"guest_OS": guestWord(vm.Config.GuestId), "name": plain(vm.Name), "power_state": powerWord(vm.Runtime.PowerState),
		"identity": optional{record{"com.vmware.vcenter.vm.identity.info", fields{
			"name": plain(vm.Name), "bios_uuid": vm.Config.Uuid, "instance_uuid": vm.Config.InstanceUuid,
		}}},
		"instant_clone_frozen": optional{false},
		"hardware": record{"com.vmware.vcenter.vm.hardware.info", fields{
			"version": "VMX_19", "upgrade_policy": "NEVER", "upgrade_version": optional{}, "upgrade_status": "NONE",
			"upgrade_error": optional{},
		}},
		"boot": record{"com.vmware.vcenter.vm.hardware.boot.info", fields{
			"type": "BIOS", "efi_legacy_boot": optional{}, "network_protocol": optional{}, "delay": int64(0), "retry": false,
			"retry_delay": int64(10000), "enter_setup_mode": false,
		}},
		"boot_devices": []any{},
		"cpu": record{"com.vmware.vcenter.vm.hardware.cpu.info", fields{
			"count": int64(vm.Config.Hardware.NumCPU), "cores_per_socket": int64(1), "hot_add_enabled": false, "hot_remove_enabled": false,
		}},
		"memory": record{"com.vmware.vcenter.vm.hardware.memory.info", fields{
			"size_MiB": int64(vm.Config.Hardware.MemoryMB), "hot_add_enabled": false,
			"hot_add_increment_size_MiB": optional{}, "hot_add_limit_MiB": optional{},
		}},
		"disks": disks, "nics": nics, "cdroms": mapping{}, "floppies": mapping{}, "parallel_ports": mapping{},
		"serial_ports": mapping{}, "sata_adapters": mapping{}, "scsi_adapters": mapping{}, "nvme_adapters": optional{mapping{}},
	}}, nil
}

func label(info types.BaseDescription) string {
	if info == nil {
		return ""
	}
	return info.GetDescription().Label
}

func nicInfo(card types.BaseVirtualEthernetCard) record {
	nic := card.GetVirtualEthernetCard()
	network, id := "", optional{}
	if backing, ok := nic.Backing.(*types.VirtualEthernetCardNetworkBackingInfo); ok {
		network = backing.DeviceName
		if backing.Network != nil {
			id = optional{backing.Network.Value}
		}
	}
	return record{"com.vmware.vcenter.vm.hardware.ethernet.info", fields{
		"label": label(nic.DeviceInfo), "type": "VMXNET3", "upt_compatibility_enabled": optional{false},
		"upt_v2_compatibility_enabled": optional{}, "mac_type": "ASSIGNED", "mac_address": optional{nic.MacAddress},
		"pci_slot_number": optional{}, "wake_on_lan_enabled": false, "state": "CONNECTED", "start_connected": true,
		"allow_guest_control": true,
		"backing": record{"com.vmware.vcenter.vm.hardware.ethernet.backing_info", fields{
			"type": "STANDARD_PORTGROUP", "network": id, "network_name": optional{network}, "host_device": optional{},
			"distributed_switch_uuid": optional{}, "distributed_port": optional{}, "connection_cookie": optional{},
			"opaque_network_type": optional{}, "opaque_network_id": optional{},
		}},
	}}
}
