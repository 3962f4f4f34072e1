package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// supervisor is all that the program knows.
type supervisor struct {
	daemon   *daemon
	services []*service
	// When this program began to run, since the kernel started.
	began time.Duration
	// Closed when the start is stopped or the board is going down.
	halted chan struct{}

	mutex     sync.Mutex
	stopCause string
	shutting  bool
}

// supervise runs everything, until the board goes down.
func supervise([]string) int {
	// A few small structures: memory matters more than the time to collect it.
	debug.SetGCPercent(50)
	definitions, err := readDefinitions()
	if err != nil {
		return fail("%v", err)
	}
	s := &supervisor{daemon: newDaemon(), began: uptime(), halted: make(chan struct{})}
	for _, each := range definitions {
		s.services = append(s.services, newService(each, s))
	}
	if err := os.MkdirAll(runFolder, 0o755); err != nil {
		return fail("%v", err)
	}
	control, err := listen(s)
	if err != nil {
		return fail("%v", err)
	}
	// containerd takes its time to come up: meanwhile the containers of onboot run, which do not need it.
	go s.daemon.keep()
	go s.start()
	control()
	return 0
}

func (s *supervisor) stage(name string) []*service {
	var all []*service
	for _, each := range s.services {
		if each.Stage == name {
			all = append(all, each)
		}
	}
	return all
}

func (s *supervisor) find(name string) *service {
	for _, each := range s.services {
		if each.Name == name {
			return each
		}
	}
	return nil
}

// start is the start of the board: onboot one after the other, then all services side by side.
func (s *supervisor) start() {
	for _, each := range s.stage("onboot") {
		if s.stoppedBy() != "" {
			each.set(failed, "not started: "+s.stoppedBy())
			continue
		}
		each.runToEnd()
	}
	services := s.stage("services")
	for _, each := range services {
		go each.keep()
	}
	s.waitUntilSettled(services)
	text := s.summary()
	os.WriteFile(filepath.Join(runFolder, "summary"), []byte(text), 0o644)
	tell("%s", strings.SplitN(text, "\n", 2)[0])
}

// waitUntilSettled waits until it is known of every service how its start went. One that waits for a service which will not
// be ready is settled with it.
func (s *supervisor) waitUntilSettled(services []*service) {
	for _, each := range services {
		for isOpen(each.settled) && !s.blocked(each) {
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func isOpen(channel chan struct{}) bool {
	select {
	case <-channel:
		return false
	default:
		return true
	}
}

// blocked is whether a service waits for one that is settled without being up.
func (s *supervisor) blocked(each *service) bool {
	for _, name := range each.After {
		other := s.find(name)
		if other != nil && isOpen(other.up) && (!isOpen(other.settled) || s.blocked(other)) {
			return true
		}
	}
	return false
}

// onFailure does what the recipe wants when a container has failed for good.
func (s *supervisor) onFailure(d *definition, how string) {
	switch d.OnFailure {
	case "stop-boot":
		s.mutex.Lock()
		first := s.stopCause == ""
		if first {
			s.stopCause = d.Name + " " + how
			closeOnce(s.halted)
		}
		s.mutex.Unlock()
		if first {
			tell("the start is stopped: %s %s", d.Name, how)
		}
	case "reboot":
		tell("the board is started again: %s %s", d.Name, how)
		exec.Command("/sbin/reboot").Run()
	}
}

func (s *supervisor) stoppedBy() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.stopCause
}

// shutdown stops the services, the last ones first, and runs what is for the shutdown.
func (s *supervisor) shutdown() string {
	s.mutex.Lock()
	again := s.shutting
	s.shutting = true
	closeOnce(s.halted)
	s.mutex.Unlock()
	if again {
		return ""
	}
	services := s.stage("services")
	for _, each := range services {
		each.want(false)
	}
	for _, each := range services {
		select {
		case <-each.ended():
		case <-time.After(milliseconds(each.Timeout) + 15*time.Second):
		}
	}
	for _, each := range s.stage("onshutdown") {
		each.runToEnd()
	}
	s.daemon.end()
	return ""
}

// ended is closed when a service that is no longer wanted has stopped.
func (s *service) ended() <-chan struct{} {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			s.mutex.Lock()
			over := s.pid == 0 || s.state == "stopped" || s.state == failed || s.state == done
			s.mutex.Unlock()
			if over {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return stopped
}

// summary is how the start went, for people. Its first line says it all.
func (s *supervisor) summary() string {
	var up, total int
	var bad []string
	var last time.Duration
	var lines []string
	for _, each := range s.services {
		if each.Stage == "onshutdown" {
			continue
		}
		status := each.status()
		total++
		if status.State == ready || status.State == done {
			up++
			last = max(last, each.finished)
		} else {
			bad = append(bad, each.Name)
		}
		lines = append(lines, fmt.Sprintf("  %-20s %-9s %-9s %8s %8s  %s", each.Name, each.Stage, status.State,
			seconds(status.Begun), seconds(status.Took), status.Reason))
	}
	head := fmt.Sprintf("%d of %d containers up after %s", up, total, seconds(last.Seconds()))
	if len(bad) > 0 {
		head += "; not: " + strings.Join(bad, ", ")
	}
	s.daemon.mutex.Lock()
	since := s.daemon.since
	s.daemon.mutex.Unlock()
	phases := fmt.Sprintf("  since the kernel started: supervisor %s, containerd %s, last container %s", seconds(s.began.Seconds()), seconds(since.Seconds()), seconds(last.Seconds()))
	columns := fmt.Sprintf("  %-20s %-9s %-9s %8s %8s", "NAME", "STAGE", "STATE", "BEGAN", "TOOK")
	return strings.Join(append([]string{head, phases, columns}, lines...), "\n") + "\n"
}

func seconds(value float64) string {
	if value == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1fs", value)
}
