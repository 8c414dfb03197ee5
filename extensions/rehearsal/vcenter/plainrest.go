// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// plainRoutes: method and path below /api/ -> service and operation. "*" is the id, which goes in as the named field.
var plainRoutes = []struct{ method, path, service, operation, id string }{
	{"GET", "vcenter/vm", "com.vmware.vcenter.VM", "list", ""},
	{"GET", "vcenter/vm/*", "com.vmware.vcenter.VM", "get", "vm"},
	{"GET", "vcenter/vm/*/power", "com.vmware.vcenter.vm.power", "get", "vm"},
	{"POST", "vcenter/vm/*/power", "com.vmware.vcenter.vm.power", "", "vm"},
	{"GET", "vcenter/vm/*/tools", "com.vmware.vcenter.vm.tools", "get", "vm"},
	{"GET", "vcenter/vm/*/guest/identity", "com.vmware.vcenter.vm.guest.identity", "get", "vm"},
	{"GET", "vcenter/cluster", "com.vmware.vcenter.cluster", "list", ""},
	{"GET", "vcenter/cluster/*", "com.vmware.vcenter.cluster", "get", "cluster"},
	{"GET", "vcenter/host", "com.vmware.vcenter.host", "list", ""},
	{"GET", "vcenter/datastore", "com.vmware.vcenter.datastore", "list", ""},
	{"GET", "vcenter/datastore/*", "com.vmware.vcenter.datastore", "get", "datastore"},
	{"GET", "vcenter/datacenter", "com.vmware.vcenter.datacenter", "list", ""},
	{"GET", "vcenter/datacenter/*", "com.vmware.vcenter.datacenter", "get", "datacenter"},
	{"GET", "vcenter/folder", "com.vmware.vcenter.folder", "list", ""},
	{"GET", "vcenter/network", "com.vmware.vcenter.network", "list", ""},
	{"GET", "vcenter/resource-pool", "com.vmware.vcenter.resource_pool", "list", ""},
	{"GET", "cis/tagging/category", "com.vmware.cis.tagging.category", "list", ""},
	{"POST", "cis/tagging/category", "com.vmware.cis.tagging.category", "create", ""},
	{"GET", "cis/tagging/category/*", "com.vmware.cis.tagging.category", "get", "category_id"},
	{"PATCH", "cis/tagging/category/*", "com.vmware.cis.tagging.category", "update", "category_id"},
	{"DELETE", "cis/tagging/category/*", "com.vmware.cis.tagging.category", "delete", "category_id"},
	{"GET", "cis/tagging/tag", "com.vmware.cis.tagging.tag", "list", ""},
	{"POST", "cis/tagging/tag", "com.vmware.cis.tagging.tag", "create", ""},
	{"GET", "cis/tagging/tag/*", "com.vmware.cis.tagging.tag", "get", "tag_id"},
	{"PATCH", "cis/tagging/tag/*", "com.vmware.cis.tagging.tag", "update", "tag_id"},
	{"DELETE", "cis/tagging/tag/*", "com.vmware.cis.tagging.tag", "delete", "tag_id"},
	{"POST", "cis/tagging/tag/*", "com.vmware.cis.tagging.tag", "", "category_id"},
	{"POST", "cis/tagging/tag-association", "com.vmware.cis.tagging.tag_association", "", ""},
	{"POST", "cis/tagging/tag-association/*", "com.vmware.cis.tagging.tag_association", "", "tag_id"},
}

func (r *rest) servePlain(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	value, problem := r.plain(request, strings.TrimPrefix(request.URL.Path, "/api/"))
	status := http.StatusOK
	if _, made := value.(string); made && request.Method == http.MethodPost && request.URL.Path == "/api/session" {
		status = http.StatusCreated
	}
	answerPlain(w, status, value, problem, func(v any) any { return v })
}

// serveOlder answers what came before /api: other paths, and every value under "value".
func (r *rest) serveOlder(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := strings.TrimPrefix(request.URL.Path, "/rest/")
	if path == "com/vmware/cis/session" {
		path = "session"
	}
	path = strings.TrimPrefix(strings.ReplaceAll(path, "id:", ""), "com/vmware/")
	value, problem := r.plain(request, path)
	if id, made := value.(string); made && path == "session" {
		http.SetCookie(w, &http.Cookie{Name: "vmware-api-session-id", Value: id, Path: "/rest", HttpOnly: true})
	}
	answerPlain(w, http.StatusOK, value, problem, func(v any) any { return map[string]any{"value": v} })
}

func (r *rest) plain(request *http.Request, path string) (any, *problem) {
	id := sessionOf(request)
	user := r.user(request, id)
	if user == "" {
		return nil, unauthenticated
	}
	path = strings.TrimSuffix(path, "/")
	if path == "session" {
		// The older way asks with a POST, too: govc looks so whether its session still lives.
		asks := actionOf(request) == "get"
		switch {
		case request.Method == http.MethodPost && !asks:
			return r.open(user), nil
		case request.Method == http.MethodDelete:
			delete(r.sessions, id)
			return nil, nil
		}
		return r.about(id, user), nil
	}
	in := inputOf(request)
	parts := strings.Split(path, "/")
	for _, route := range plainRoutes {
		id, fits := match(strings.Split(route.path, "/"), parts)
		if !fits || route.method != request.Method {
			continue
		}
		operation := route.operation
		if operation == "" {
			operation = strings.ReplaceAll(actionOf(request), "-", "_")
		}
		if route.id != "" {
			in[route.id] = id
		}
		for _, spec := range []string{"create", "update"} {
			// The older way wraps the body in the name of its parameter.
			if _, wrapped := in[spec+"_spec"]; operation == spec && !wrapped {
				in = fields{spec + "_spec": map[string]any(in), route.id: id}
			}
		}
		return r.do(user, route.service, operation, in)
	}
	return nil, unknown
}

// actionOf is the verb in a query, as either way spells it.
func actionOf(request *http.Request) string {
	if action := request.URL.Query().Get("action"); action != "" {
		return action
	}
	return request.URL.Query().Get("~action")
}

// match compares a route with a path and finds the id in it.
func match(route, parts []string) (string, bool) {
	if len(route) != len(parts) {
		return "", false
	}
	id := ""
	for i, part := range route {
		if part == "*" {
			id = parts[i]
		} else if part != parts[i] {
			return "", false
		}
	}
	return id, true
}

// inputOf are the body's fields, or the query's under "filter".
func inputOf(request *http.Request) fields {
	in := fields{}
	_ = json.NewDecoder(request.Body).Decode(&in)
	filter := map[string]any{}
	for key, values := range request.URL.Query() {
		key = strings.TrimPrefix(key, "filter.")
		key, _, _ = strings.Cut(key, ".")
		have, _ := filter[key].([]any)
		for _, value := range values {
			have = append(have, value)
		}
		filter[key] = have
	}
	if request.Method == http.MethodGet && len(filter) > 0 {
		in["filter"] = filter
	}
	return in
}

func answerPlain(w http.ResponseWriter, status int, value any, problem *problem, wrap func(any) any) {
	w.Header().Set("Content-Type", "application/json")
	if problem != nil {
		w.WriteHeader(problem.status)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"error_type": strings.ToUpper(problem.kind),
			"messages": []any{map[string]any{
				"id": "rehearsal." + problem.kind, "default_message": problem.text, "args": []any{},
			}},
		})
		return
	}
	if value == nil && status == http.StatusOK {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wrap(asPlain(value)))
}

// asPlain writes a value as REST does: structures and maps as objects, without what is unset.
func asPlain(value any) any {
	switch v := value.(type) {
	case record:
		return asPlain(v.of)
	case fields:
		object := map[string]any{}
		for key, one := range v {
			if o, is := one.(optional); is && o.value == nil {
				continue
			}
			object[key] = asPlain(one)
		}
		return object
	case mapping:
		return asPlain(fields(v))
	case optional:
		return asPlain(v.value)
	case []any:
		list := make([]any, 0, len(v))
		for _, one := range v {
			list = append(list, asPlain(one))
		}
		return list
	}
	return value
}
