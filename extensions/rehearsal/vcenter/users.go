// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"crypto/subtle"
	"strings"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// users knows who may log in: the administrator, and whoever the control endpoint adds to test privileges.
type users struct {
	administrator string

	mu     sync.Mutex
	secret map[string]string
}

func newUsers(administrator, password string) *users {
	u := &users{administrator: bare(administrator), secret: map[string]string{}}
	u.add(administrator, password)
	return u
}

// bare is a user's name without its domain, in lower case: "Admin@vsphere.local" and "VSPHERE.LOCAL\admin" are one.
func bare(name string) string {
	name = strings.ToLower(name)
	if i := strings.LastIndex(name, `\`); i >= 0 {
		name = name[i+1:]
	}
	name, _, _ = strings.Cut(name, "@")
	return name
}

func (u *users) add(name, password string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.secret[bare(name)] = password
}

func (u *users) valid(login *types.Login) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	want, known := u.secret[bare(login.UserName)]
	return known && subtle.ConstantTimeCompare([]byte(want), []byte(login.Password)) == 1
}
