// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
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
