package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/cio"
	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/runtime/v2/runc/options"
	"golang.org/x/sys/unix"
)

// How a container is. `running` is not yet ready, `ready` is; onboot ends in `done` or `failed`.
type state string

const (
	waiting  state = "waiting"
	starting state = "starting"
	running  state = "running"
	ready    state = "ready"
	backoff  state = "backoff"
	stopping state = "stopping"
	stopped  state = "stopped"
	done     state = "done"
	failed   state = "failed"
)

// service is a container and what has become of it.
type service struct {
	definition
	supervisor *supervisor
	output     io.Writer

	mutex    sync.Mutex
	state    state
	reason   string
	pid      int
	exitCode int
	restarts int
	// Since the kernel started: when it was begun, and when it was ready or had ended.
	begun, finished time.Duration
	// Closed once it was ready, or done, for the first time.
	up chan struct{}
	// Closed once it is known how the start went: ready, failed, or late.
	settled chan struct{}
	// Wishes of people: stop and start.
	wanted bool
	wake   chan struct{}
}

func newService(d definition, s *supervisor) *service {
	return &service{
		definition: d, supervisor: s, output: openLog(&d), state: waiting, wanted: true,
		up: make(chan struct{}), settled: make(chan struct{}), wake: make(chan struct{}, 1),
	}
}

func (s *service) set(next state, reason string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.state, s.reason = next, reason
	if next == starting && s.begun == 0 {
		s.begun = uptime()
	}
	if next == ready || next == done || next == failed || next == stopped {
		if s.finished == 0 {
			s.finished = uptime()
		}
		closeOnce(s.settled)
	}
	if next == ready || next == done {
		closeOnce(s.up)
	}
}

func closeOnce(channel chan struct{}) {
	select {
	case <-channel:
	default:
		close(channel)
	}
}

func (s *service) isWanted() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.wanted
}

func (s *service) isReady() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.state == ready
}

// want is what `start` and `stop` say.
func (s *service) want(wanted bool) {
	s.mutex.Lock()
	s.wanted = wanted
	s.mutex.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// keep runs the service for as long as the program lives.
func (s *service) keep() {
	tries, pause := 0, milliseconds(s.Restart.Backoff)
	for {
		if !s.isWanted() {
			s.set(stopped, "")
			<-s.wake
			tries, pause = 0, milliseconds(s.Restart.Backoff)
			continue
		}
		if !s.waitForOthers() {
			continue
		}
		began := time.Now()
		code, err := s.runOnce()
		if !s.isWanted() {
			continue
		}
		s.mutex.Lock()
		s.exitCode, s.pid = code, 0
		s.mutex.Unlock()
		how := fmt.Sprintf("ended with %d", code)
		if err != nil {
			how = err.Error()
		}
		bad := code != 0 || err != nil
		if s.Restart.Policy == "never" || (s.Restart.Policy == "on-failure" && !bad) {
			if bad {
				s.giveUp(how)
			} else {
				s.set(done, how)
			}
			<-s.wake
			continue
		}
		// One that ran for a while has earned a fresh start.
		if time.Since(began) > 10*milliseconds(s.Restart.Max) || time.Since(began) > 10*time.Minute {
			tries, pause = 0, milliseconds(s.Restart.Backoff)
		}
		if tries++; s.Restart.Tries > 0 && tries >= s.Restart.Tries {
			s.giveUp(fmt.Sprintf("%s, %d times", how, tries))
			tries, pause = 0, milliseconds(s.Restart.Backoff)
			<-s.wake
			continue
		}
		s.set(backoff, fmt.Sprintf("%s; started again in %s", how, pause))
		tell("%s %s; started again in %s", s.Name, how, pause)
		select {
		case <-time.After(pause):
		case <-s.wake:
		}
		pause = min(2*pause, milliseconds(s.Restart.Max))
		s.mutex.Lock()
		s.restarts++
		s.mutex.Unlock()
	}
}

func (s *service) giveUp(how string) {
	s.set(failed, how)
	tell("%s has failed: %s", s.Name, how)
	s.supervisor.onFailure(&s.definition, how)
}

// waitForOthers returns whether the service may start now; false: look again at what is wanted.
func (s *service) waitForOthers() bool {
	if s.supervisor.stoppedBy() != "" {
		s.set(failed, "not started: "+s.supervisor.stoppedBy())
		<-s.wake
		return false
	}
	for _, name := range s.After {
		other := s.supervisor.find(name)
		if other == nil {
			continue
		}
		s.set(waiting, "for "+name)
		select {
		case <-other.up:
		case <-s.supervisor.halted:
			return false
		case <-s.wake:
			return false
		}
	}
	return true
}

func (s *service) context() context.Context {
	return namespaces.WithNamespace(context.Background(), s.Namespace)
}

// runOnce starts the container, or finds it running, and gives the exit code when it has ended.
func (s *service) runOnce() (int, error) {
	s.set(starting, "")
	ctx := s.context()
	stopReading, err := s.readOutput()
	if err != nil {
		return 0, err
	}
	defer stopReading()
	for unknown := 0; ; {
		client, err := s.supervisor.daemon.ready(ctx)
		if err != nil {
			return 0, err
		}
		task, err := s.findTask(ctx, client)
		if err == nil && task == nil {
			if task, err = s.startTask(ctx, client); err != nil && !s.supervisor.daemon.gone(client) {
				s.remove(ctx, client)
				return 0, err
			}
		}
		if err == nil {
			code, again, err := s.watch(ctx, task)
			if !again {
				s.remove(ctx, client)
				return code, err
			}
		}
		// containerd has ended, or cannot say how the task is: it may be well. Only when that lasts it is begun anew.
		if s.supervisor.daemon.gone(client) {
			unknown = 0
		} else if unknown++; unknown > 10 {
			s.remove(ctx, client)
			return 0, errors.New("containerd does not know how it is")
		} else {
			time.Sleep(time.Second)
		}
	}
}

// gone is whether a client is no longer the one to ask.
func (d *daemon) gone(client *containerd.Client) bool {
	for range 20 {
		d.mutex.Lock()
		current := d.client
		d.mutex.Unlock()
		if current != client {
			return true
		}
		if _, err := client.Version(context.Background()); err == nil {
			return false
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// findTask gives the task that is there already. A container without a task is one of an earlier start of the board.
func (s *service) findTask(ctx context.Context, client *containerd.Client) (containerd.Task, error) {
	container, err := client.LoadContainer(ctx, s.Name)
	if errdefs.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	task, err := container.Task(ctx, nil)
	if errdefs.IsNotFound(err) {
		return nil, container.Delete(ctx)
	}
	return task, err
}

// group is an annotation by which containerd's shim for runc keeps several containers in one process: ten services then
// take the memory of one shim, and each starts a program less.
const group = "io.containerd.runc.v2.group"

// How many containers are started at a time: more would only make each of them late.
var starts = make(chan struct{}, 3)

func (s *service) startTask(ctx context.Context, client *containerd.Client) (containerd.Task, error) {
	starts <- struct{}{}
	defer func() { <-starts }()
	s.cleanUp()
	spec, err := s.prepare()
	if err != nil {
		return nil, err
	}
	if spec.Annotations == nil {
		spec.Annotations = map[string]string{}
	}
	spec.Annotations[group] = s.Namespace
	container, err := client.NewContainer(ctx, s.Name, containerd.WithSpec(spec),
		containerd.WithRuntime("io.containerd.runc.v2", &options.Options{BinaryName: runtimeProgram(s.Runtime), Root: "/run/containerd/" + s.Runtime}))
	if err != nil {
		return nil, err
	}
	task, err := container.NewTask(ctx, s.streams)
	if err != nil {
		return nil, err
	}
	pid := int(task.Pid())
	if err := joinNetwork(s.Prepare.Interfaces, pid); err != nil {
		return nil, err
	}
	if err := bindNamespaces(s.Prepare.BindNS, pid); err != nil {
		return nil, err
	}
	return task, task.Start(ctx)
}

func runtimeProgram(name string) string {
	if name == "crun" {
		return "/usr/bin/crun"
	}
	return "/usr/sbin/runc"
}

// watch waits until a task has ended. `again`: that is not known, and the task must be found anew.
func (s *service) watch(ctx context.Context, task containerd.Task) (code int, again bool, err error) {
	exited, err := task.Wait(ctx)
	if err != nil {
		return 0, true, err
	}
	status, err := task.Status(ctx)
	if err != nil {
		return 0, true, err
	}
	if status.Status == containerd.Created {
		// This program ended between making and starting it.
		if err := task.Start(ctx); err != nil {
			return 0, true, err
		}
	}
	s.mutex.Lock()
	s.pid = int(task.Pid())
	s.mutex.Unlock()
	watching, stop := context.WithCancel(ctx)
	defer stop()
	if !s.isReady() {
		s.set(running, "")
		go s.becomeReady(watching, task)
	}
	for {
		select {
		case status := <-exited:
			if status.Error() != nil {
				return 0, true, status.Error()
			}
			return int(status.ExitCode()), false, nil
		case <-s.wake:
			if !s.isWanted() {
				s.set(stopping, "")
				s.end(ctx, task, exited)
				return 0, false, nil
			}
		}
	}
}

// end asks a task to end, and ends it when it does not.
func (s *service) end(ctx context.Context, task containerd.Task, exited <-chan containerd.ExitStatus) {
	limit := milliseconds(s.Timeout)
	if limit == 0 {
		limit = 10 * time.Second
	}
	task.Kill(ctx, signalOf(s.StopSignal))
	select {
	case <-exited:
		return
	case <-time.After(limit):
	}
	task.Kill(ctx, syscall.SIGKILL, containerd.WithKillAll)
	select {
	case <-exited:
	case <-time.After(limit):
	}
}

func signalOf(name string) syscall.Signal {
	if signal := unix.SignalNum(name); signal != 0 {
		return signal
	}
	return syscall.SIGTERM
}

// remove takes the container away, and its root.
func (s *service) remove(ctx context.Context, client *containerd.Client) {
	container, err := client.LoadContainer(ctx, s.Name)
	if err == nil {
		if task, err := container.Task(ctx, nil); err == nil {
			task.Delete(ctx, containerd.WithProcessKill)
		}
		container.Delete(ctx)
	}
	for _, place := range s.Prepare.BindNS {
		unix.Unmount(place, unix.MNT_DETACH)
	}
	s.cleanUp()
}

// streams tells the shim where output goes; reading it is done for as long as the service is kept.
func (s *service) streams(string) (cio.IO, error) {
	path := s.folder() + "/output"
	return fifoIO{cio.Config{Stdout: path, Stderr: path}}, nil
}

type fifoIO struct{ config cio.Config }

func (f fifoIO) Config() cio.Config { return f.config }
func (f fifoIO) Cancel()            {}
func (f fifoIO) Wait()              {}
func (f fifoIO) Close() error       { return nil }

func (s *service) readOutput() (func(), error) {
	_, file, err := openFifo(&s.definition)
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 4096)
		for {
			count, err := file.Read(buffer)
			s.output.Write(buffer[:count])
			if err != nil && !errors.Is(err, syscall.EINTR) {
				return
			}
		}
	}()
	return func() {
		// What is still in the pipe is read before it is closed.
		file.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		<-ended
		file.Close()
	}, nil
}
