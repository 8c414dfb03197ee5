// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"testing"
	"time"
)

func TestAClockRunsFasterAndJumps(t *testing.T) {
	c, start := &clock{}, time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	after := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	if c.follows() || !c.show(start).Equal(start) {
		t.Error("a clock that nobody set is the machine's")
	}
	if c.set(start, start, 0) == nil {
		t.Error("a clock cannot stand still")
	}
	_ = c.set(start, start, 60)                     // a minute each second
	_ = c.set(after(10), start.Add(2*time.Hour), 1) // a jump, then as fast as the machine's
	for real, shown := range map[float64]time.Duration{-5: -5 * time.Second, 0: 0, 2: 2 * time.Minute, 10: 2 * time.Hour, 11: 2*time.Hour + time.Second} {
		if got := c.show(after(real)); !got.Equal(start.Add(shown)) {
			t.Errorf("after %v s the clock shows %v", real, got)
		}
		if got := c.real(start.Add(shown)); !got.Equal(after(real)) {
			t.Errorf("the clock showed %v at %v", shown, got)
		}
	}
	if got := c.real(start.Add(time.Hour)); !got.Equal(after(10)) {
		t.Errorf("a time that the jump left out was at %v", got)
	}
}

func TestOnlyTimesOfVcenterAreTranslated(t *testing.T) {
	by := func(at time.Time) time.Time { return at.Add(time.Hour) }
	for text, want := range map[string]string{
		"<createdTime>2026-03-01T12:00:00.5Z</createdTime>":                      "<createdTime>2026-03-01T13:00:00.5Z</createdTime>",
		"<returnval>2026-03-01T12:00:00+01:00</returnval>":                       "<returnval>2026-03-01T12:00:00Z</returnval>",
		`<val XMLSchema-instance:type="xsd:dateTime">2026-03-01T12:00:00Z</val>`: `<val XMLSchema-instance:type="xsd:dateTime">2026-03-01T13:00:00Z</val>`,
		`<value xsi:type="xsd:string">2026-03-01T12:00:00Z</value>`:              `<value xsi:type="xsd:string">2026-03-01T12:00:00Z</value>`,
		"<annotation>2026-03-01T12:00:00Z</annotation>":                          "<annotation>2026-03-01T12:00:00Z</annotation>",
	} {
		if got := string(translate([]byte(text), told, by)); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
	if got := string(translate([]byte("<beginTime>2026-03-01T12:00:00Z</beginTime>"), asked, by)); got != "<beginTime>2026-03-01T13:00:00Z</beginTime>" {
		t.Error(got)
	}
}
