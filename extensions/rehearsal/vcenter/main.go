// SPDX-License-Identifier: GPL-3.0-or-later

// Command vcenter-standin is the vCenter of the rehearsal: govmomi's simulator with the changes a failback needs, started
// empty (the seeding decides what exists) or from a dump, and a control endpoint on its own port.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
)

// options is what the command line says. The password never stands there: process lists are public.
type options struct {
	listen     string
	control    string
	username   string
	passwordIn string
	cert       string
	key        string
	apiVersion string
	data       string
	load       string
	ready      string
	stdinExit  bool
}

func parse(arguments []string) (options, error) {
	var o options
	set := flag.NewFlagSet("vcenter-standin", flag.ContinueOnError)
	set.StringVar(&o.listen, "listen", "127.0.0.1:0", "address of the vCenter API (port 0 takes a free one)")
	set.StringVar(&o.control, "control", "127.0.0.1:0", "address of the control endpoint (plain HTTP, loopback only)")
	set.StringVar(&o.username, "username", "administrator", "administrator's name, without a domain")
	set.StringVar(&o.passwordIn, "password-file", "", "file with the administrator's password (else VCENTER_PASSWORD)")
	set.StringVar(&o.cert, "tls-cert", "", "PEM file with the server's certificate")
	set.StringVar(&o.key, "tls-key", "", "PEM file with the server's key")
	set.StringVar(&o.apiVersion, "api-version", "8.0.3.0", "API version told to clients")
	set.StringVar(&o.data, "data", "", "directory for the files behind datastores (else a temporary one)")
	set.StringVar(&o.load, "load", "", "directory of a dump to start from")
	set.StringVar(&o.ready, "ready", "", "file that is written once both addresses answer")
	set.BoolVar(&o.stdinExit, "stdin-exit", false, "stop when standard input closes")
	if err := set.Parse(arguments); err != nil {
		return o, err
	}
	if (o.cert == "") != (o.key == "") {
		return o, errors.New("give -tls-cert and -tls-key together")
	}
	host, _, err := net.SplitHostPort(o.control)
	if err != nil {
		return o, fmt.Errorf("-control %s: %w", o.control, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return o, fmt.Errorf("-control %s: the control endpoint listens on a loopback address only", o.control)
	}
	return o, nil
}

func (o options) password() (string, error) {
	if o.passwordIn != "" {
		text, err := os.ReadFile(o.passwordIn)
		return strings.TrimRight(string(text), "\r\n"), err
	}
	if text := os.Getenv("VCENTER_PASSWORD"); text != "" {
		return text, nil
	}
	return "", errors.New("no password: set VCENTER_PASSWORD or give -password-file")
}

// standin is the running server and what the control endpoint acts upon.
type standin struct {
	model  *simulator.Model
	data   string
	hook   *hook
	users  *users
	stage  *stage
	clock  *clock
	server *simulator.Server
}

// registry is the simulator's map of managed objects.
func (s *standin) registry() *simulator.Registry { return s.model.Map() }

// context returns a separate context for one piece of work: the simulator's locks belong to a context.
func (s *standin) context() *simulator.Context {
	return &simulator.Context{
		Context: context.Background(),
		Map:     s.registry(),
		Session: s.model.Service.Context.Session,
	}
}

func build(o options, password string) (*standin, error) {
	s := &standin{model: simulator.VPX(), data: o.data, clock: &clock{}, users: newUsers(o.username, password)}
	if s.data == "" {
		dir, err := os.MkdirTemp("", "vcenter-standin-")
		if err != nil {
			return nil, err
		}
		s.data = dir
	}
	var err error
	if s.data, err = filepath.Abs(s.data); err != nil {
		return nil, err
	}
	if err = os.MkdirAll(s.data, 0o700); err != nil {
		return nil, err
	}
	empty(s.model)
	if o.load != "" {
		dir, err := filepath.Abs(o.load)
		if err != nil {
			return nil, err
		}
		if err = load(s, dir); err != nil {
			return nil, fmt.Errorf("-load %s: %w", o.load, err)
		}
	} else if err := s.model.Create(); err != nil {
		return nil, err
	}
	s.model.ServiceContent.About.ApiVersion = o.apiVersion
	improve(s, o.apiVersion)
	s.stage = newStage(s)
	return s, nil
}

// empty takes every generated object out of the model.
func empty(m *simulator.Model) {
	m.Datacenter, m.Cluster, m.ClusterHost, m.Host = 0, 0, 0, 0
	m.Datastore, m.Machine, m.Pool, m.Portgroup = 0, 0, 0, 0
	m.Autostart = false
}

// serve starts the API and returns the control endpoint's server with its address.
func (s *standin) serve(o options) (*http.Server, string, error) {
	service := s.model.Service
	service.Listen = &url.URL{Host: o.listen, User: url.UserPassword(s.users.administrator, "checked by ValidLogin")}
	service.RegisterEndpoints = false
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, "", err
		}
		service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	s.registry().SessionManager().ValidLogin = s.users.valid
	listener, err := net.Listen("tcp", o.control)
	if err != nil {
		return nil, "", err
	}
	newRest(s).register(service)
	registerVsan(s)
	s.server = service.NewServer()
	s.server.Config.Handler = s.clock.between(s.server.Config.Handler)
	control := &http.Server{Handler: s.controls(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := control.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Printf("control endpoint: %v", err)
		}
	}()
	return control, "http://" + listener.Addr().String(), nil
}

// announce writes the ready file in one step, so that a reader never sees half of it.
func (s *standin) announce(path, control string) error {
	address := *s.server.URL
	address.User = nil
	text, err := json.Marshal(map[string]any{
		"url": address.String(), "control": control, "pid": os.Getpid(), "data": s.data,
	})
	if err != nil || path == "" {
		fmt.Println(string(text))
		return err
	}
	draft := path + ".new"
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}

func run(arguments []string) error {
	o, err := parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	password, err := o.password()
	if err != nil {
		return err
	}
	os.Unsetenv("VCENTER_PASSWORD")
	s, err := build(o, password)
	if err != nil {
		return err
	}
	control, address, err := s.serve(o)
	if err != nil {
		return err
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if o.stdinExit {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	if err := s.announce(o.ready, address); err != nil {
		return err
	}
	<-stop.Done()
	_ = control.Close()
	if o.data == "" {
		_ = os.RemoveAll(s.data)
	}
	return nil
}

func main() {
	log.SetOutput(quiet{os.Stderr})
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "vcenter-standin: %v.\n", err)
		os.Exit(1)
	}
}

// quiet leaves out the one line the simulator writes for each power task of a machine that came from a dump (its
// machine log is not part of a dump) or has moved (its log went along).
type quiet struct{ to io.Writer }

func (q quiet) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	for _, end := range []string{"open : no such file or directory", "vmware.log: no such file or directory"} {
		if strings.HasSuffix(text, end) {
			return len(line), nil
		}
	}
	return q.to.Write(line)
}
