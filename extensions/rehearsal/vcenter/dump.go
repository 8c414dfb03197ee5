// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// filesArchive holds, beside the objects of a dump, the files behind its datastores.
const filesArchive = "files.tar"

// fleeting are kinds that mean nothing in another process: they belong to sessions or to this stand-in.
var fleeting = []string{
	"Task", "PropertyFilter", "ContainerView", "ListView", "EventHistoryCollector", "TaskHistoryCollector",
	refusalRef.Type, moverRef.Type, clustersRef.Type, fetcherRef.Type, lookerRef.Type, searcherRef.Type,
}

// dump writes every object as the simulator loads it (one <ObjectContent> per file, the service instance first) and
// the datastores' files. Stored permissions and method data (licence assignments) are not part of it.
func dump(s *standin, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ctx := context.Background()
	client, err := vim25.NewClient(ctx, s.model.Service)
	if err != nil {
		return err
	}
	var refs []types.ManagedObjectReference
	for _, item := range s.registry().AllReference("") {
		if ref := item.Reference(); !slices.Contains(fleeting, ref.Type) {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, func(a, b types.ManagedObjectReference) int {
		if first := order(a) - order(b); first != 0 {
			return first
		}
		return strings.Compare(a.String(), b.String())
	})
	collector := property.DefaultCollector(client)
	for n, ref := range refs {
		var content []types.ObjectContent
		if err := collector.RetrieveOne(ctx, ref, nil, &content); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
		if err := writeObject(filepath.Join(dir, fmt.Sprintf("%06d-%s.xml", n, ref.Encode())), ref, content); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	return pack(s.data, filepath.Join(dir, filesArchive))
}

func order(ref types.ManagedObjectReference) int {
	if ref == vim25.ServiceInstance {
		return 0
	}
	return 1
}

func writeObject(path string, ref types.ManagedObjectReference, content []types.ObjectContent) error {
	object := types.ObjectContent{Obj: ref}
	if len(content) > 0 {
		object = content[0]
		object.MissingSet = nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = xml.NewEncoder(file).Encode(object)
	return errors.Join(err, file.Close())
}

// load starts the model from a dump and puts the files back behind its datastores. The simulator makes datastores'
// directories relative to the working directory and wants them absent; their addresses are made absolute afterwards.
func load(s *standin, dir string) error {
	if err := os.Chdir(s.data); err != nil {
		return err
	}
	if err := s.model.Load(dir); err != nil {
		return err
	}
	ctx := s.context()
	for _, item := range s.registry().All("Datastore") {
		store := item.(*simulator.Datastore)
		path := filepath.Join(s.data, filepath.Base(store.Summary.Url))
		store.Summary.Url = path
		store.Info.GetDatastoreInfo().Url = path
	}
	rewire(ctx)
	return unpack(filepath.Join(dir, filesArchive), s.data)
}

// rewire gives plainly loaded objects their behaviour again: hosts can mount datastores, snapshots can be removed.
func rewire(ctx *simulator.Context) {
	for _, item := range ctx.Map.All("HostSystem") {
		host := item.(*simulator.HostSystem)
		if ref := host.ConfigManager.DatastoreSystem; ref != nil {
			if plain, ok := ctx.Map.Get(*ref).(*mo.HostDatastoreSystem); ok {
				ctx.Map.Put(&simulator.HostDatastoreSystem{HostDatastoreSystem: *plain, Host: &host.HostSystem})
			}
		}
	}
	for _, item := range ctx.Map.AllReference("VirtualMachineSnapshot") {
		if plain, ok := item.(*mo.VirtualMachineSnapshot); ok {
			ctx.Map.Put(&simulator.VirtualMachineSnapshot{VirtualMachineSnapshot: *plain})
		}
	}
}

// pack writes a tree of small files to one archive.
func pack(root, archive string) error {
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	out := tar.NewWriter(file)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Name = filepath.ToSlash(name)
		if err := out.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, in.Close())
	})
	return errors.Join(err, out.Close(), file.Close())
}

// unpack restores an archive that pack wrote.
func unpack(archive, root string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	in := tar.NewReader(file)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(header.Name) {
			return fmt.Errorf("%s: %s leads out of the archive", archive, header.Name)
		}
		path := filepath.Join(root, filepath.FromSlash(header.Name))
		if header.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(path, 0o700); err != nil {
				return err
			}
			continue
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
}
