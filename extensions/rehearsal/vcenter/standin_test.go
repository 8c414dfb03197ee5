// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"text/template"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/types"
)

func TestBareNames(t *testing.T) {
	for given, want := range map[string]string{
		"Administrator@vsphere.local": "administrator",
		`VSPHERE.LOCAL\reader`:        "reader",
		"plain":                       "plain",
	} {
		if got := bare(given); got != want {
			t.Errorf("bare(%q) = %q, want %q", given, got, want)
		}
	}
}

func TestOptionsRefuseAnOpenControlEndpoint(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "localhost:0", "nonsense"} {
		if _, err := parse([]string{"-control", address}); err == nil {
			t.Errorf("-control %s was accepted", address)
		}
	}
	if _, err := parse([]string{"-control", "127.0.0.1:0"}); err != nil {
		t.Error(err)
	}
}

func TestPasswordComesFromFileOrEnvironmentOnly(t *testing.T) {
	t.Setenv("VCENTER_PASSWORD", "")
	if _, err := (options{}).password(); err == nil {
		t.Error("started without a password")
	}
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VCENTER_PASSWORD", "of the environment")
	for from, want := range map[string]string{path: "of the file", "": "of the environment"} {
		if got, err := (options{passwordIn: from}).password(); err != nil || got != want {
			t.Errorf("password from %q: %q, %v", from, got, err)
		}
	}
}

func TestTextsOfEventsCanBeParsed(t *testing.T) {
	manager := &simulator.EventManager{}
	manager.Description.EventInfo = esx.EventInfo
	describeEvents(manager)
	seen := map[string]bool{}
	for _, one := range manager.Description.EventInfo {
		if _, err := template.New(one.Key).Parse(one.FullFormat); err != nil || seen[one.Key] {
			t.Errorf("%s: %v", one.Key, err)
		}
		seen[one.Key] = true
	}
}

func TestStorageDrsOverrides(t *testing.T) {
	vm := types.ManagedObjectReference{Type: "VirtualMachine", Value: "vm-1"}
	spec := func(operation types.ArrayUpdateOperation, behavior string) types.StorageDrsVmConfigSpec {
		s := types.StorageDrsVmConfigSpec{}
		s.Operation = operation
		if operation == types.ArrayUpdateOperationRemove {
			s.RemoveKey = vm
		} else {
			s.Info = &types.StorageDrsVmConfigInfo{Vm: &vm, Behavior: behavior}
		}
		return s
	}
	steps := []struct {
		spec    types.StorageDrsVmConfigSpec
		refused bool
		left    []string
	}{
		{spec(types.ArrayUpdateOperationRemove, ""), true, nil},
		{spec(types.ArrayUpdateOperationEdit, "manual"), true, nil},
		{spec(types.ArrayUpdateOperationAdd, "manual"), false, []string{"manual"}},
		{spec(types.ArrayUpdateOperationAdd, "automated"), true, []string{"manual"}},
		{spec(types.ArrayUpdateOperationEdit, "automated"), false, []string{"automated"}},
		{spec(types.ArrayUpdateOperationRemove, ""), false, nil},
		{types.StorageDrsVmConfigSpec{ArrayUpdateSpec: types.ArrayUpdateSpec{Operation: "add"}}, true, nil},
	}
	config := &types.StorageDrsConfigInfo{}
	for i, step := range steps {
		if fault := overrideMachine(config, step.spec); (fault != nil) != step.refused {
			t.Errorf("step %d: fault %v", i, fault)
		}
		var left []string
		for _, info := range config.VmConfig {
			left = append(left, info.Behavior)
		}
		if !reflect.DeepEqual(left, step.left) {
			t.Errorf("step %d: left %v, want %v", i, left, step.left)
		}
	}
}

func TestPackAndUnpack(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	archive := filepath.Join(t.TempDir(), "files.tar")
	if err := os.MkdirAll(filepath.Join(from, "store", "vm", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "store", "vm", "a disk.vmdk"), []byte("descriptor"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := pack(from, archive); err != nil {
		t.Fatal(err)
	}
	if err := unpack(archive, to); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(to, "store", "vm", "a disk.vmdk"))
	if err != nil || string(text) != "descriptor" {
		t.Errorf("%q, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(to, "store", "vm", "empty")); err != nil || !info.IsDir() {
		t.Error("an empty directory was lost")
	}
}

// started is a stand-in that was built but does not serve.
func started(t *testing.T) *standin {
	t.Helper()
	s, err := build(options{username: "administrator", apiVersion: "8.0.3.0", data: t.TempDir()}, "secret")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.model.Remove)
	return s
}

func TestItStartsEmpty(t *testing.T) {
	s := started(t)
	for _, kind := range []string{"Datacenter", "HostSystem", "Datastore", "VirtualMachine"} {
		if found := s.registry().All(kind); len(found) != 0 {
			t.Errorf("%d objects of kind %s exist", len(found), kind)
		}
	}
}

func TestARefusedSettingChangesNothing(t *testing.T) {
	s := started(t)
	root := s.registry().Any("Folder").(*simulator.Folder)
	one := setting{Moref: root.Self.String(), Path: "effectiveRole", Value: json.RawMessage(`"text"`)}
	if err := set(s.context(), one); err == nil {
		t.Error("a text was taken for a list of numbers")
	}
	one = setting{Moref: root.Self.String(), Path: "name", Value: json.RawMessage(`"renamed"`)}
	if err := set(s.context(), one); err != nil || root.Name != "renamed" {
		t.Errorf("%v, name %q", err, root.Name)
	}
}

func TestOnlyMethodsTheRefusalKnowsCanBeFailingTasks(t *testing.T) {
	for method, want := range map[string]bool{
		"PowerOnVM_Task": true, "ConfigureStorageDrsForPod_Task": true, "Login": false, "Fail_Task": false, "Reference": false,
	} {
		if canFail(method) != want {
			t.Errorf("canFail(%s) is %v", method, !want)
		}
	}
}

func TestSentences(t *testing.T) {
	for want, fault := range map[string]types.BaseMethodFault{
		"Insufficient storage space.":                      &types.InsufficientStorageSpace{},
		"Invalid datastore 'd1'.":                          &types.InvalidDatastore{Name: "d1"},
		"Unable to access file [d] a since it is locked.":  &types.FileLocked{FileFault: types.FileFault{File: "[d] a"}},
		"A specified parameter was not correct: spec.file": &types.InvalidArgument{InvalidProperty: "spec.file"},
	} {
		if got := sentence(fault); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
