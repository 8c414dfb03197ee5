// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// tellError gives a failed task a readable message, as vCenter does; the simulator puts the name of a Go type there.
func tellError(task *mo.Task) {
	if problem := task.Info.Error; problem != nil && strings.HasPrefix(problem.LocalizedMessage, "*types.") {
		problem.LocalizedMessage = sentence(problem.Fault)
	}
}

// sentence says what a fault means: in vCenter's sense for those a failback meets, else by its name.
func sentence(fault types.BaseMethodFault) string {
	switch f := fault.(type) {
	case *types.FileLocked:
		return "Unable to access file " + f.File + " since it is locked."
	case *types.FileNotFound:
		return "File " + f.File + " was not found."
	case *types.FileAlreadyExists:
		return "File " + f.File + " already exists."
	case *types.CannotAccessFile:
		return "Cannot access file " + f.File + "."
	case *types.InvalidDatastore:
		return "Invalid datastore '" + f.Name + "'."
	case *types.InaccessibleDatastore:
		return "Unable to access the datastore '" + f.Name + "'."
	case *types.InvalidArgument:
		return "A specified parameter was not correct: " + f.InvalidProperty
	case *types.InvalidDeviceSpec:
		return fmt.Sprintf("Invalid configuration for device '%d'.", f.DeviceIndex)
	case *types.HostNotConnected:
		return "Unable to communicate with the remote host, since it is disconnected."
	case *types.InvalidState:
		return "The operation is not allowed in the current state."
	case *types.InvalidPowerState:
		return fmt.Sprintf("The attempted operation cannot be performed in the current state (%s).", f.ExistingState)
	}
	return words(reflect.TypeOf(fault).Elem().Name()) + "."
}

// words splits a type's name: InsufficientStorageSpace -> Insufficient storage space.
func words(name string) string {
	var text strings.Builder
	for i, letter := range name {
		if i > 0 && unicode.IsUpper(letter) {
			text.WriteRune(' ')
			letter = unicode.ToLower(letter)
		}
		text.WriteRune(letter)
	}
	return text.String()
}
