// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// clock is vCenter's time. It is the machine's until somebody sets it: the rehearsal lets it follow the vault's, which
// runs faster. The simulator keeps the machine's time; what it says and is asked is translated on the way, so that events,
// tasks and the current time agree with each other however often the speed changes.
type clock struct {
	mu    sync.RWMutex
	spans []span
}

// span begins at a real moment, with the time that the clock showed then and the seconds it made of each real one.
type span struct {
	real, shown time.Time
	speed       float64
}

// set starts a span. Times before the first one stay what they are.
func (c *clock) set(real, shown time.Time, speed float64) error {
	if speed <= 0 {
		return errors.New("speed: the clock runs forward only; give a number above 0")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spans = append(c.spans, span{real, shown, speed})
	return nil
}

func (c *clock) follows() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.spans) > 0
}

// show is what the clock showed at a real moment.
func (c *clock) show(real time.Time) time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for n := len(c.spans) - 1; n >= 0; n-- {
		if at := c.spans[n]; !real.Before(at.real) {
			return at.shown.Add(time.Duration(float64(real.Sub(at.real)) * at.speed))
		}
	}
	return real
}

// real is the moment at which the clock showed a time; of a time that a jump left out, the moment of the jump.
func (c *clock) real(shown time.Time) time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for n := len(c.spans) - 1; n >= 0; n-- {
		at := c.spans[n]
		if shown.Before(at.shown) {
			continue
		}
		real := at.real.Add(time.Duration(float64(shown.Sub(at.shown)) / at.speed))
		if n+1 < len(c.spans) && real.After(c.spans[n+1].real) {
			return c.spans[n+1].real
		}
		return real
	}
	return shown
}

func epoch(seconds float64) time.Time {
	return time.UnixMicro(int64(seconds * 1e6)).UTC()
}

// postClock sets the clock: at the real moment "at" it showed "now" (both in seconds since the epoch).
func (s *standin) postClock(r *http.Request) (any, error) {
	var wanted struct{ At, Now, Speed float64 }
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		return nil, err
	}
	return done, s.clock.set(epoch(wanted.At), epoch(wanted.Now), wanted.Speed)
}

const instant = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`

// Times in answers are known by the names of their elements, or by their type: texts that look like one are somebody's own.
var (
	told = regexp.MustCompile(
		`<(?:\w*[tT]ime(?:stamp)?|timestamp|modified|createDate|returnval|val [^>]*"xsd:dateTime")>` + instant + `<`,
	)
	asked = regexp.MustCompile(`<(?:\w+:)?(?:begin|start|end)Time>` + instant + `<`)
)

func translate(body []byte, found *regexp.Regexp, by func(time.Time) time.Time) []byte {
	return found.ReplaceAllFunc(body, func(match []byte) []byte {
		start := bytes.LastIndexByte(match, '>') + 1
		at, err := time.Parse(time.RFC3339Nano, string(match[start:len(match)-1]))
		if err != nil {
			return match
		}
		text := by(at).UTC().Format("2006-01-02T15:04:05.999999Z")
		return append(append(bytes.Clone(match[:start]), text...), '<')
	})
}

// between translates what passes between a client and the simulator's SOAP side.
func (c *clock) between(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.follows() || !strings.HasPrefix(r.URL.Path, "/sdk") || r.Method != http.MethodPost {
			inner.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = translate(body, asked, c.real)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer := httptest.NewRecorder()
		inner.ServeHTTP(answer, r)
		text := answer.Body.Bytes()
		if answer.Header().Get("Content-Encoding") == "" {
			text = translate(text, told, c.show)
		}
		header := w.Header()
		for key, values := range answer.Header() {
			header[key] = values
		}
		header.Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(answer.Code)
		_, _ = w.Write(text)
	})
}
