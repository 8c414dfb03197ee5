// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// controls is the control endpoint: what a test sets, breaks and counts. It has its own port and is never served
// beside the API.
//
//	POST   /set             {"moref": "Datastore:datastore-12", "path": "summary.type", "value": ...}, or a list of such
//	POST   /fault           {"method", "type", "name", "task", "skip", "max", "delay_ms", "fault": {"_typeName": ...}}
//	GET    /fault           the rules with their hits
//	DELETE /fault           no rules any more
//	GET    /counters        {"methods": {name: calls}, "total": n}
//	POST   /counters/reset
//	POST   /users           {"name", "password"}
//	POST   /play            {"state", "name", ...}, or a list of such (states.go)
//	POST   /clock           {"at", "now", "speed"}: at the real time "at" it is "now" here, and speed seconds pass in one
//	POST   /dump            {"dir"}
//
// Values and faults are JSON as the vSphere API writes it: "_typeName" names the type where a property allows several.
func (s *standin) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /set", answer(s.postSet))
	mux.HandleFunc("POST /fault", answer(s.postFault))
	mux.HandleFunc("GET /fault", answer(func(*http.Request) (any, error) {
		s.hook.mu.Lock()
		defer s.hook.mu.Unlock()
		rules := make([]rule, 0, len(s.hook.rules))
		for _, r := range s.hook.rules {
			rules = append(rules, *r)
		}
		return rules, nil
	}))
	mux.HandleFunc("DELETE /fault", answer(func(*http.Request) (any, error) {
		s.hook.mu.Lock()
		defer s.hook.mu.Unlock()
		s.hook.rules = nil
		return done, nil
	}))
	mux.HandleFunc("GET /counters", answer(func(*http.Request) (any, error) {
		s.hook.mu.Lock()
		defer s.hook.mu.Unlock()
		total := 0
		for _, n := range s.hook.counters {
			total += n
		}
		return map[string]any{"methods": maps.Clone(s.hook.counters), "total": total}, nil
	}))
	mux.HandleFunc("POST /counters/reset", answer(func(*http.Request) (any, error) {
		s.hook.mu.Lock()
		defer s.hook.mu.Unlock()
		s.hook.counters = map[string]int{}
		return done, nil
	}))
	mux.HandleFunc("POST /users", answer(s.postUser))
	mux.HandleFunc("POST /play", answer(s.postPlay))
	mux.HandleFunc("POST /clock", answer(s.postClock))
	mux.HandleFunc("POST /dump", answer(s.postDump))
	return mux
}

var done = map[string]any{"done": true}

// answer turns a function into a handler: its value as JSON, its error as 400 with one sentence.
func answer(work func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 16<<20)
		value, err := work(r)
		status := http.StatusOK
		if err != nil {
			status, value = http.StatusBadRequest, map[string]any{"error": err.Error()}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value)
	}
}

type setting struct {
	Moref string          `json:"moref"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

func (s *standin) postSet(r *http.Request) (any, error) {
	var raw json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&raw); err != nil {
		return nil, err
	}
	var settings []setting
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if err := json.Unmarshal(raw, &settings); err != nil {
			return nil, err
		}
	} else {
		settings = make([]setting, 1)
		if err := json.Unmarshal(raw, &settings[0]); err != nil {
			return nil, err
		}
	}
	for _, one := range settings {
		if err := set(s.context(), one); err != nil {
			return nil, fmt.Errorf("%s %s: %w", one.Moref, one.Path, err)
		}
	}
	return map[string]any{"set": len(settings)}, nil
}

// set gives one property a value and notifies the waiting clients. A panic inside the lock would keep the object
// locked for ever, so it is caught there.
func set(ctx *simulator.Context, one setting) (err error) {
	var ref types.ManagedObjectReference
	if !ref.FromString(one.Moref) {
		return errors.New("moref must be Type:value")
	}
	object := ctx.Map.Get(ref)
	if object == nil {
		return errors.New("there is no such object")
	}
	ctx.WithLock(object, func() {
		defer func() {
			if problem := recover(); problem != nil {
				err = fmt.Errorf("%v", problem)
			}
		}()
		kind, problem := kindOf(reflect.ValueOf(managed(object)), strings.Split(one.Path, "."))
		if problem != nil {
			err = problem
			return
		}
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem() // the update makes the pointer
		}
		value := reflect.New(kind)
		if err = types.NewJSONDecoder(bytes.NewReader(one.Value)).Decode(value.Interface()); err != nil {
			return
		}
		ctx.Update(object, []types.PropertyChange{{Name: one.Path, Val: value.Elem().Interface()}})
	})
	return err
}

// managed digs the plain managed object out of the simulator's wrapper: its first field, level by level.
func managed(object mo.Reference) any {
	value := reflect.ValueOf(object).Elem()
	for !strings.HasSuffix(value.Type().PkgPath(), "/mo") {
		value = value.Field(0)
		if value.Kind() == reflect.Pointer {
			value = value.Elem()
		}
	}
	return value.Addr().Interface()
}

// kindOf is the type of the property at a path; only the last step may be unset.
func kindOf(value reflect.Value, path []string) (reflect.Type, error) {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		if value.IsNil() {
			return nil, fmt.Errorf("the part before %q is unset", path[0])
		}
		value = value.Elem()
	}
	if value.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%q is inside a list or a plain value", path[0])
	}
	name := []rune(path[0])
	if len(name) == 0 {
		return nil, errors.New("the path has an empty part")
	}
	name[0] = unicode.ToUpper(name[0])
	field := value.FieldByName(string(name))
	if !field.IsValid() {
		return nil, fmt.Errorf("there is no property %q", path[0])
	}
	if len(path) == 1 {
		return field.Type(), nil
	}
	return kindOf(field, path[1:])
}

func (s *standin) postFault(r *http.Request) (any, error) {
	var request struct {
		rule
		Fault json.RawMessage `json:"fault"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	added := request.rule
	if len(request.Fault) > 0 {
		var fault types.BaseMethodFault
		if err := types.NewJSONDecoder(bytes.NewReader(request.Fault)).Decode(&fault); err != nil {
			return nil, fmt.Errorf("fault: %w", err)
		}
		added.fault = fault
	}
	if added.fault == nil && added.DelayMs == 0 {
		return nil, errors.New("a rule needs a fault (with _typeName) or a delay_ms")
	}
	if added.Task && (added.fault == nil || !canFail(added.Method)) {
		return nil, fmt.Errorf("method %q: no failing task can be made of it", added.Method)
	}
	s.hook.mu.Lock()
	defer s.hook.mu.Unlock()
	s.hook.rules = append(s.hook.rules, &added)
	return map[string]any{"rules": len(s.hook.rules)}, nil
}

// canFail says whether the refusal knows the method.
func canFail(method string) bool {
	name, isTask := strings.CutSuffix(method, "_Task")
	_, known := reflect.TypeOf(&refusal{}).MethodByName(name + "Task")
	return isTask && known
}

func (s *standin) postUser(r *http.Request) (any, error) {
	var user struct{ Name, Password string }
	if err := json.NewDecoder(r.Body).Decode(&user); err != nil {
		return nil, err
	}
	if user.Name == "" || user.Password == "" {
		return nil, errors.New("give name and password")
	}
	s.users.add(user.Name, user.Password)
	return done, nil
}

func (s *standin) postDump(r *http.Request) (any, error) {
	var request struct{ Dir string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(request.Dir) {
		return nil, errors.New("dir must be an absolute path")
	}
	if err := dump(s, request.Dir); err != nil {
		return nil, err
	}
	return done, nil
}
