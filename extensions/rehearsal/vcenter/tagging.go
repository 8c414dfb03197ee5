// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"maps"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// tagPrivileges are what changes of tags and categories need. Attaching is asked on the object itself.
var tagPrivileges = map[string]string{
	"com.vmware.cis.tagging.category.create": "InventoryService.Tagging.CreateCategory",
	"com.vmware.cis.tagging.category.update": "InventoryService.Tagging.EditCategory",
	"com.vmware.cis.tagging.category.delete": "InventoryService.Tagging.DeleteCategory",
	"com.vmware.cis.tagging.tag.create":      "InventoryService.Tagging.CreateTag",
	"com.vmware.cis.tagging.tag.update":      "InventoryService.Tagging.EditTag",
	"com.vmware.cis.tagging.tag.delete":      "InventoryService.Tagging.DeleteTag",
}

// attachPrivilege is what attaching and detaching a tag needs on the object.
const attachPrivilege = "InventoryService.Tagging.AttachTag"

type work = func(*rest, fields) (any, *problem)

// operations are those of tags and categories; inventory.go adds its own.
var operations = map[string]work{
	"com.vmware.cis.tagging.category.create": func(r *rest, in fields) (any, *problem) {
		return create(r.categories, in.inner("create_spec"), "Category", "")
	},
	"com.vmware.cis.tagging.category.list": func(r *rest, _ fields) (any, *problem) { return ids(r.categories), nil },
	"com.vmware.cis.tagging.category.get": func(r *rest, in fields) (any, *problem) {
		return get(r.categories, in.text("category_id"), "com.vmware.cis.tagging.category_model")
	},
	"com.vmware.cis.tagging.category.update": func(r *rest, in fields) (any, *problem) {
		return nil, update(r.categories, in.text("category_id"), in.inner("update_spec"))
	},
	"com.vmware.cis.tagging.category.delete": func(r *rest, in fields) (any, *problem) {
		id := in.text("category_id")
		for tag, of := range r.tags {
			if of["category_id"] == id {
				delete(r.tags, tag)
				delete(r.attached, tag)
			}
		}
		return nil, remove(r.categories, id)
	},
	"com.vmware.cis.tagging.tag.create": func(r *rest, in fields) (any, *problem) {
		spec := in.inner("create_spec")
		if _, known := r.categories[spec.text("category_id")]; !known {
			return nil, notFound("The category")
		}
		return create(r.tags, spec, "Tag", "category_id")
	},
	"com.vmware.cis.tagging.tag.list": func(r *rest, _ fields) (any, *problem) { return ids(r.tags), nil },
	"com.vmware.cis.tagging.tag.get": func(r *rest, in fields) (any, *problem) {
		return get(r.tags, in.text("tag_id"), "com.vmware.cis.tagging.tag_model")
	},
	"com.vmware.cis.tagging.tag.update": func(r *rest, in fields) (any, *problem) {
		return nil, update(r.tags, in.text("tag_id"), in.inner("update_spec"))
	},
	"com.vmware.cis.tagging.tag.delete": func(r *rest, in fields) (any, *problem) {
		delete(r.attached, in.text("tag_id"))
		return nil, remove(r.tags, in.text("tag_id"))
	},
	"com.vmware.cis.tagging.tag.list_tags_for_category": func(r *rest, in fields) (any, *problem) {
		found := []any{}
		for _, id := range ids(r.tags) {
			if r.tags[id.(string)]["category_id"] == in["category_id"] {
				found = append(found, id)
			}
		}
		return found, nil
	},
	"com.vmware.cis.tagging.tag_association.attach": func(r *rest, in fields) (any, *problem) {
		return nil, r.attach(in.text("tag_id"), in.inner("object_id"))
	},
	"com.vmware.cis.tagging.tag_association.attach_multiple_tags_to_object": func(r *rest, in fields) (any, *problem) {
		tags, _ := in["tag_ids"].([]any)
		for _, tag := range tags {
			if problem := r.attach(tag.(string), in.inner("object_id")); problem != nil {
				return nil, problem
			}
		}
		return batch(), nil
	},
	"com.vmware.cis.tagging.tag_association.detach": func(r *rest, in fields) (any, *problem) {
		tag, object := in.text("tag_id"), in.inner("object_id")
		if !r.may(attachPrivilege, reference(object.text("type"), object.text("id"))) {
			return nil, forbidden(attachPrivilege)
		}
		r.attached[tag] = slices.DeleteFunc(r.attached[tag], func(o fields) bool { return o["id"] == object["id"] })
		return nil, nil
	},
	"com.vmware.cis.tagging.tag_association.list_attached_tags": func(r *rest, in fields) (any, *problem) {
		return r.tagsOf(in.inner("object_id")), nil
	},
	"com.vmware.cis.tagging.tag_association.list_attached_objects": func(r *rest, in fields) (any, *problem) {
		return r.objectsOf(in.text("tag_id")), nil
	},
	"com.vmware.cis.tagging.tag_association.list_attached_tags_on_objects": func(r *rest, in fields) (any, *problem) {
		found := []any{}
		objects, _ := in["object_ids"].([]any)
		for _, one := range objects {
			object, _ := one.(map[string]any)
			found = append(found, record{"com.vmware.cis.tagging.tag_association.object_to_tags", fields{
				"object_id": dynamicID(object), "tag_ids": r.tagsOf(object),
			}})
		}
		return found, nil
	},
	"com.vmware.cis.tagging.tag_association.list_attached_objects_on_tags": func(r *rest, in fields) (any, *problem) {
		found := []any{}
		tags, _ := in["tag_ids"].([]any)
		for _, one := range tags {
			tag, _ := one.(string)
			found = append(found, record{"com.vmware.cis.tagging.tag_association.tag_to_objects", fields{
				"tag_id": tag, "object_ids": r.objectsOf(tag),
			}})
		}
		return found, nil
	},
}

// create makes a category or a tag. Names are unique, tags' within their category.
func create(in map[string]fields, spec fields, kind, within string) (any, *problem) {
	for _, other := range in {
		if other["name"] == spec["name"] && (within == "" || other[within] == spec[within]) {
			return nil, &problem{http.StatusBadRequest, "already_exists", "There is one of that name."}
		}
	}
	id := "urn:vmomi:InventoryService" + kind + ":" + uuid.NewString() + ":GLOBAL"
	made := fields{"id": id, "description": "", "used_by": []any{}}
	if kind == "Category" {
		made["cardinality"], made["associable_types"] = "SINGLE", []any{}
	}
	for _, key := range []string{"name", "description", "cardinality", "associable_types", "category_id"} {
		if value, given := spec[key]; given && value != nil {
			made[key] = value
		}
	}
	in[id] = made
	return id, nil
}

func ids(in map[string]fields) []any {
	found := []any{}
	for _, id := range slices.Sorted(maps.Keys(in)) {
		found = append(found, id)
	}
	return found
}

func get(in map[string]fields, id, name string) (any, *problem) {
	found, known := in[id]
	if !known {
		return nil, notFound(id)
	}
	return record{name, found}, nil
}

func update(in map[string]fields, id string, spec fields) *problem {
	found, known := in[id]
	if !known {
		return notFound(id)
	}
	for key, value := range spec {
		if value != nil {
			found[key] = value
		}
	}
	return nil
}

func remove(in map[string]fields, id string) *problem {
	if _, known := in[id]; !known {
		return notFound(id)
	}
	delete(in, id)
	return nil
}

func (r *rest) attach(tag string, object fields) *problem {
	if _, known := r.tags[tag]; !known {
		return notFound(tag)
	}
	if !r.may(attachPrivilege, reference(object.text("type"), object.text("id"))) {
		return forbidden(attachPrivilege)
	}
	if !slices.ContainsFunc(r.attached[tag], func(o fields) bool { return o["id"] == object["id"] }) {
		r.attached[tag] = append(r.attached[tag], fields{"id": object["id"], "type": object["type"]})
	}
	return nil
}

func (r *rest) tagsOf(object fields) []any {
	found := []any{}
	for _, tag := range ids(r.tags) {
		if slices.ContainsFunc(r.attached[tag.(string)], func(o fields) bool { return o["id"] == object["id"] }) {
			found = append(found, tag)
		}
	}
	return found
}

func (r *rest) objectsOf(tag string) []any {
	found := []any{}
	for _, object := range r.attached[tag] {
		found = append(found, dynamicID(object))
	}
	return found
}

func dynamicID(object fields) record {
	return record{"com.vmware.vapi.std.dynamic_ID", fields{"id": object["id"], "type": object["type"]}}
}

func batch() record {
	return record{"com.vmware.cis.tagging.tag_association.batch_result", fields{"success": true, "error_messages": []any{}}}
}
