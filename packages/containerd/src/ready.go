package main

import (
	"context"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/cio"
	"golang.org/x/sys/unix"
)

// becomeReady looks until the service is ready. When that takes longer than it may, it is reported and goes on looking: who
// waits for it starts late rather than never.
func (s *service) becomeReady(ctx context.Context, task containerd.Task) {
	if s.Ready == nil {
		s.set(ready, "")
		return
	}
	late := time.After(milliseconds(s.Ready.Within))
	pause := 200 * time.Millisecond
	for {
		if s.looksReady(ctx, task) {
			if ctx.Err() == nil {
				s.set(ready, "")
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-late:
			late = nil
			how := "not ready within " + milliseconds(s.Ready.Within).String()
			s.set(running, how)
			s.mutex.Lock()
			closeOnce(s.settled)
			s.mutex.Unlock()
			tell("%s is %s", s.Name, how)
			s.supervisor.onFailure(&s.definition, how)
		case <-time.After(pause):
			pause = min(2*pause, 2*time.Second)
		}
	}
}

func (s *service) looksReady(ctx context.Context, task containerd.Task) bool {
	switch {
	case s.Ready.File != "":
		_, err := os.Stat(s.Ready.File)
		return err == nil
	case s.Ready.TCP != "":
		return s.takesConnections(int(task.Pid()))
	}
	return s.execs(ctx, task)
}

// takesConnections tries a port in the network of the container.
func (s *service) takesConnections(pid int) bool {
	address := s.Ready.TCP
	if !strings.Contains(address, ":") {
		address = "127.0.0.1:" + address
	}
	result := make(chan bool)
	go func() {
		// The thread has entered another network and is not used again: it ends with the goroutine.
		runtime.LockOSThread()
		namespace, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/net")
		if err != nil {
			result <- false
			return
		}
		defer namespace.Close()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- false
			return
		}
		connection, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			connection.Close()
		}
		result <- err == nil
	}()
	return <-result
}

// execs runs the command in the container.
func (s *service) execs(ctx context.Context, task containerd.Task) bool {
	spec, err := task.Spec(ctx)
	if err != nil {
		return false
	}
	process := *spec.Process
	process.Args = s.Ready.Exec
	process.Terminal = false
	attempt, err := task.Exec(ctx, "ready-"+strconv.FormatInt(time.Now().UnixNano(), 36), &process, cio.NullIO)
	if err != nil {
		return false
	}
	defer attempt.Delete(context.WithoutCancel(ctx), containerd.WithProcessKill)
	limited, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	exited, err := attempt.Wait(limited)
	if err != nil || attempt.Start(limited) != nil {
		return false
	}
	select {
	case status := <-exited:
		return status.Error() == nil && status.ExitCode() == 0
	case <-limited.Done():
		attempt.Kill(context.WithoutCancel(ctx), syscall.SIGKILL)
		return false
	}
}
