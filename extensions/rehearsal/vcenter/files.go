// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// takeSpace lowers a datastore's free space by so many bytes; a negative number gives them back.
func takeSpace(ctx *simulator.Context, store *simulator.Datastore, bytes int64) {
	ctx.WithLock(store, func() {
		left := store.Summary.FreeSpace - bytes
		store.Info.GetDatastoreInfo().FreeSpace = left
		ctx.Update(store, []types.PropertyChange{{Name: "summary.freeSpace", Val: left}})
	})
}

// pathOf splits "[datastore] folder/file"; both parts are empty for what is no such path.
func pathOf(text string) object.DatastorePath {
	var at object.DatastorePath
	at.FromString(text)
	return at
}

// free is a name on the datastore that is not taken: folder/disk.vmdk, folder/disk_1.vmdk and so on.
func free(store *simulator.Datastore, name string) string {
	stem, ext := strings.TrimSuffix(name, path.Ext(name)), path.Ext(name)
	for n := 1; ; n++ {
		if _, err := os.Stat(path.Join(store.Summary.Url, name)); err != nil {
			return name
		}
		name = fmt.Sprintf("%s_%d%s", stem, n, ext)
	}
}

// moveDisk moves a descriptor with the file it describes.
func moveDisk(from *simulator.Datastore, name string, to *simulator.Datastore, now string) error {
	oldFlat, newFlat := simulator.VirtualDiskBackingFileName(name), simulator.VirtualDiskBackingFileName(now)
	if err := rename(from, oldFlat, to, newFlat); err != nil {
		return err
	}
	if err := rename(from, name, to, now); err != nil || path.Base(oldFlat) == path.Base(newFlat) {
		return err
	}
	file := path.Join(to.Summary.Url, now)
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // a disk without a file, as a test may set one
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), path.Base(oldFlat), path.Base(newFlat))), 0o600)
}

// rename moves a file between datastores; one that does not exist is left alone.
func rename(from *simulator.Datastore, name string, to *simulator.Datastore, now string) error {
	target := path.Join(to.Summary.Url, now)
	if err := os.MkdirAll(path.Dir(target), 0o700); err != nil {
		return err
	}
	err := os.Rename(path.Join(from.Summary.Url, name), target)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
