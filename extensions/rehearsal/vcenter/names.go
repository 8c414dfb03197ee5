// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// vCenter escapes three characters in names. The simulator does, too, but in a new machine's request it doubles the
// devices when it has to. So they travel through it as characters nobody uses, and are escaped on the machine itself.
var (
	masked   = strings.NewReplacer("/", "\uE02F", `\`, "\uE05C", "%", "\uE025")
	unmasked = strings.NewReplacer("\uE02F", "%2f", "\uE05C", "%5c", "\uE025", "%25")
	plainOf  = strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", `\`, "%5C", `\`, "%25", "%")
	// fileSafe is a name as its files bear it.
	fileSafe = strings.NewReplacer("/", "_", `\`, "_", "%", "_")
)

// maskName prepares the request for a new machine. A machine without a path gets one that holds no such
// character.
func maskName(req *types.CreateVM_Task) {
	config := &req.Config
	if config.Name == masked.Replace(config.Name) {
		return
	}
	if files := config.Files; files != nil {
		if at := pathOf(files.VmPathName); at.Datastore != "" && at.Path == "" {
			name := fileSafe.Replace(config.Name)
			files.VmPathName = "[" + at.Datastore + "] " + name + "/" + name + ".vmx"
		}
	}
	config.Name = masked.Replace(config.Name)
}

// unmaskName gives a machine its escaped name.
func unmaskName(machine *mo.VirtualMachine) {
	name := unmasked.Replace(machine.Name)
	if name == machine.Name {
		return
	}
	machine.Name = name
	machine.Summary.Config.Name = name
	if machine.Config != nil {
		machine.Config.Name = name
	}
}

// plain is a name without vCenter's escapes.
func plain(name string) string { return plainOf.Replace(name) }
