// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// rest is the automation side of vCenter: sessions, tags and a view of the inventory. One table of operations (service
// and operation by name) stands behind three ways in: JSON-RPC at /api, plain REST below /api, and the older /rest.
type rest struct {
	s *standin

	mu         sync.Mutex
	asker      string // the user of the call that is being answered
	sessions   map[string]*session
	categories map[string]fields
	tags       map[string]fields
	attached   map[string][]fields // tag -> objects, each {"id", "type"}
}

// session is one login; the automation side has sessions of its own.
type session struct {
	user          string
	created, used time.Time
}

// fields are an operation's input, and plain data of the tags.
type fields map[string]any

// record is a structure of the API's model, with the name it has there.
type record struct {
	name string
	of   fields
}

// optional is a value that may be unset (nil).
type optional struct{ value any }

// mapping is a map of the API's model.
type mapping map[string]any

// problem is an error of the API's model.
type problem struct {
	status     int
	kind, text string
}

var (
	unauthenticated = &problem{http.StatusUnauthorized, "unauthenticated", "Authentication required."}
	unknown         = &problem{http.StatusNotFound, "operation_not_found", "There is no such operation."}
)

func forbidden(privilege string) *problem {
	return &problem{http.StatusForbidden, "unauthorized", "The user lacks the privilege " + privilege + "."}
}

func notFound(what string) *problem {
	return &problem{http.StatusNotFound, "not_found", what + " was not found."}
}

func newRest(s *standin) *rest {
	return &rest{
		s: s, sessions: map[string]*session{}, categories: map[string]fields{}, tags: map[string]fields{},
		attached: map[string][]fields{},
	}
}

// register puts the three ways in on the API's port.
func (r *rest) register(service *simulator.Service) {
	service.HandleFunc("/api", r.serveRPC)
	service.HandleFunc("/api/", r.servePlain)
	service.HandleFunc("/rest/", r.serveOlder)
}

// sessionOf is the session that a request names, in a header or in a cookie.
func sessionOf(request *http.Request) string {
	if id := request.Header.Get("vmware-api-session-id"); id != "" {
		return id
	}
	if cookie, err := request.Cookie("vmware-api-session-id"); err == nil {
		return cookie.Value
	}
	return ""
}

// user is who asks: the session's user, or whoever logs in with the request itself.
func (r *rest) user(request *http.Request, id string) string {
	if known := r.sessions[id]; known != nil {
		known.used = time.Now()
		return known.user
	}
	name, password, given := request.BasicAuth()
	if given && r.s.users.valid(&types.Login{UserName: name, Password: password}) {
		return name
	}
	return ""
}

func (r *rest) open(user string) string {
	id := uuid.NewString()
	now := time.Now()
	r.sessions[id] = &session{user: user, created: now, used: now}
	return id
}

// about tells of a session, or of a request that carries its own credentials.
func (r *rest) about(id, user string) any {
	now := time.Now()
	s := &session{user: user, created: now, used: now}
	if known := r.sessions[id]; known != nil {
		s = known
	}
	return record{"com.vmware.cis.session.info", fields{
		"user": s.user, "created_time": moment(s.created), "last_accessed_time": moment(s.used),
	}}
}

func moment(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// do carries out one operation for a user.
func (r *rest) do(user, service, operation string, in fields) (any, *problem) {
	r.asker = user
	name := strings.ToLower(service) + "." + operation
	if privilege, asked := tagPrivileges[name]; asked && !r.mayOnRoot(privilege) {
		return nil, forbidden(privilege)
	}
	if work, known := operations[name]; known {
		return work(r, in)
	}
	return nil, unknown
}

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

func (r *rest) serveRPC(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var call struct {
		ID     any `json:"id"`
		Params struct {
			ServiceID   string `json:"serviceId"`
			OperationID string `json:"operationId"`
			Input       any    `json:"input"`
			Ctx         struct {
				SecurityCtx map[string]any `json:"securityCtx"`
			} `json:"ctx"`
		} `json:"params"`
	}
	if err := json.NewDecoder(request.Body).Decode(&call); err != nil {
		http.Error(w, "this is no JSON-RPC", http.StatusBadRequest)
		return
	}
	in, _ := fromRPC(call.Params.Input).(map[string]any)
	value, problem := r.rpc(request, call.Params.ServiceID, call.Params.OperationID, fields(in), call.Params.Ctx.SecurityCtx)
	result := map[string]any{"output": asRPC(value)}
	if problem != nil {
		message := record{"com.vmware.vapi.std.localizable_message", fields{
			"id": "rehearsal." + problem.kind, "default_message": problem.text, "args": []any{},
		}}
		result = map[string]any{"error": map[string]any{"ERROR": map[string]any{
			"com.vmware.vapi.std.errors." + problem.kind: map[string]any{
				"messages": []any{asRPC(message)},
				"data":     asRPC(optional{}),
			},
		}}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": call.ID, "result": result})
}

func (r *rest) rpc(
	request *http.Request, service, operation string, in fields, security map[string]any,
) (any, *problem) {
	id, _ := security["sessionId"].(string)
	if id == "" {
		id = sessionOf(request)
	}
	user := r.user(request, id)
	if name, _ := security["userName"].(string); user == "" && name != "" {
		password, _ := security["password"].(string)
		if r.s.users.valid(&types.Login{UserName: name, Password: password}) {
			user = name
		}
	}
	if user == "" {
		return nil, unauthenticated
	}
	if service == "com.vmware.cis.session" {
		switch operation {
		case "create":
			return r.open(user), nil
		case "delete":
			delete(r.sessions, id)
			return nil, nil
		case "get":
			return r.about(id, user), nil
		}
	}
	return r.do(user, service, operation, in)
}

// asRPC writes a value as JSON-RPC does: structures by name, optional values marked, maps as lists of entries.
func asRPC(value any) any {
	switch v := value.(type) {
	case record:
		object := map[string]any{}
		for key, one := range v.of {
			object[key] = asRPC(one)
		}
		return map[string]any{"STRUCTURE": map[string]any{v.name: object}}
	case optional:
		return map[string]any{"OPTIONAL": asRPC(v.value)}
	case mapping:
		list := []any{}
		for key, one := range v {
			list = append(list, asRPC(record{"map-entry", fields{"key": key, "value": one}}))
		}
		return list
	case []any:
		list := make([]any, 0, len(v))
		for _, one := range v {
			list = append(list, asRPC(one))
		}
		return list
	}
	return value
}

// fromRPC reads such a value as plain data.
func fromRPC(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, one := range v {
			list = append(list, fromRPC(one))
		}
		return list
	case map[string]any:
		for _, wrapper := range []string{"OPTIONAL", "SECRET", "BINARY"} {
			if inner, wrapped := v[wrapper]; wrapped && len(v) == 1 {
				return fromRPC(inner)
			}
		}
		if named, is := v["STRUCTURE"].(map[string]any); is && len(v) == 1 {
			for _, inner := range named {
				return fromRPC(inner)
			}
		}
		object := map[string]any{}
		for key, one := range v {
			object[key] = fromRPC(one)
		}
		return object
	}
	return value
}

// text is a field of the input as text.
func (f fields) text(key string) string {
	text, _ := f[key].(string)
	return text
}

// inner is a field that is itself an object.
func (f fields) inner(key string) fields {
	switch v := f[key].(type) {
	case map[string]any:
		return v
	case fields:
		return v
	}
	return fields{}
}

// chooses says whether a filter's list allows a value; no list allows all.
func (f fields) chooses(key string, values ...string) bool {
	list, given := f[key].([]any)
	if !given || len(list) == 0 {
		return true
	}
	return slices.ContainsFunc(list, func(one any) bool {
		text, _ := one.(string)
		return slices.Contains(values, text)
	})
}
