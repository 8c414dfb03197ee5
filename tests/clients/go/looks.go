// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// place is where a machine is at: whether it runs, and whether it has its disks itself.
type place struct {
	name         string
	on, hasDisks bool
}

var (
	home = place{"home", true, true}
	off  = place{"off", false, true}
	lent = place{"lent", false, false}
)

// looks asks govc, and keeps the files each machine came with: they must be the ones it comes home with.
type looks struct{ files map[string][]string }

func newLooks() *looks { return &looks{files: map[string][]string{}} }

func govc(arguments ...string) string {
	command := exec.Command(os.Getenv("GOVC"), arguments...)
	command.Env = append(
		os.Environ(),
		"GOVC_URL=https://"+os.Getenv("VMWARE_HOST")+":"+os.Getenv("VMWARE_PORT")+"/sdk",
		"GOVC_USERNAME="+os.Getenv("VMWARE_USER"), "GOVC_PASSWORD="+os.Getenv("VMWARE_PASSWORD"),
		"GOVC_TLS_CA_CERTS="+os.Getenv("SSL_CERT_FILE"), "GOVC_PERSIST_SESSION=false",
	)
	command.Stderr = os.Stderr
	said, err := command.Output()
	if err != nil {
		log.Fatalf("govc %s: %v", strings.Join(arguments, " "), err)
	}
	return strings.TrimSpace(string(said))
}

// disks are the files of a machine's disks.
func disks(path string) []string {
	var told struct {
		Devices []struct {
			CapacityInKB int64
			Backing      struct{ FileName string }
		}
	}
	if err := json.Unmarshal([]byte(govc("device.info", "-json", "-vm", path)), &told); err != nil {
		log.Fatal(err)
	}
	var files []string
	for _, device := range told.Devices {
		if device.CapacityInKB > 0 && device.Backing.FileName != "" {
			files = append(files, device.Backing.FileName)
		}
	}
	slices.Sort(files)
	return files
}

func (l *looks) at(machine string, wanted place) {
	paths := strings.Fields(govc("find", "/", "-type", "m"))
	at := slices.IndexFunc(paths, func(path string) bool { return strings.HasSuffix(path, "/"+machine) })
	assert(at >= 0, "%s is not in vCenter", machine)
	on, files := govc("object.collect", "-s", paths[at], "runtime.powerState") == "poweredOn", disks(paths[at])
	assert(
		on == wanted.on && (len(files) > 0) == wanted.hasDisks,
		"%s: powered on: %v, disks: %v; it should be %s", machine, on, files, wanted.name,
	)
	if wanted.hasDisks {
		if l.files[machine] == nil {
			l.files[machine] = files
		}
		assert(slices.Equal(files, l.files[machine]), "%s has other disks than before: %v", machine, files)
		return
	}
	holders := 0
	for _, path := range paths {
		theirs := disks(path)
		if !slices.ContainsFunc(l.files[machine], func(file string) bool { return !slices.Contains(theirs, file) }) {
			holders++
		}
	}
	assert(holders == 1, "the disks of %s hang on %d machines", machine, holders)
}
