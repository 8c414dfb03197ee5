// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"net/http"

	"github.com/vmware/govmomi/vim25/types"
)

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
