package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/containerd"
	"golang.org/x/sys/unix"
)

const socket = "/run/containerd/containerd.sock"

// daemon is containerd: it is started, and again when it ends. What runs in containers does not notice, since it belongs
// to the shims.
type daemon struct {
	mutex  sync.Mutex
	client *containerd.Client
	// Closed when there is a client; a new one each time that it is gone.
	up chan struct{}
	// When it answered first.
	since  time.Duration
	starts int
	ending bool
	pid    int
}

func newDaemon() *daemon { return &daemon{up: make(chan struct{})} }

// keep runs containerd until the program ends. One that is there already (this program was killed) is kept.
func (d *daemon) keep() {
	wait := time.Second
	for {
		began := time.Now()
		ended := d.adopt()
		if ended == nil {
			ended = d.launch()
		}
		if ended != nil {
			d.connect(ended)
			<-ended
		}
		d.lost()
		if d.isEnding() {
			return
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		tell("containerd has ended; it is started again in %s", wait)
		time.Sleep(wait)
		wait = min(2*wait, 30*time.Second)
	}
}

// launch starts it. The channel is closed when it has ended.
func (d *daemon) launch() chan struct{} {
	process := exec.Command("/usr/bin/containerd", "--config", "/etc/containerd/config.toml")
	process.Stdout, process.Stderr = os.Stdout, os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	d.starts++
	if err := process.Start(); err != nil {
		tell("containerd cannot be started: %v", err)
		return nil
	}
	d.setPid(process.Process.Pid)
	ended := make(chan struct{})
	go func() {
		process.Wait()
		close(ended)
	}()
	return ended
}

// adopt finds one that an earlier life of this program started.
func (d *daemon) adopt() chan struct{} {
	connection, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return nil
	}
	defer connection.Close()
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil
	}
	var peer *unix.Ucred
	raw.Control(func(descriptor uintptr) {
		peer, err = unix.GetsockoptUcred(int(descriptor), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil || peer == nil {
		return nil
	}
	handle, err := unix.PidfdOpen(int(peer.Pid), 0)
	if err != nil {
		return nil
	}
	d.setPid(int(peer.Pid))
	ended := make(chan struct{})
	go func() {
		// A pidfd can be read from when its process has ended.
		for {
			if count, _ := unix.Poll([]unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}, -1); count > 0 {
				break
			}
		}
		unix.Close(handle)
		close(ended)
	}()
	return ended
}

// connect waits until containerd answers, and lets everyone know.
func (d *daemon) connect(ended chan struct{}) {
	for {
		select {
		case <-ended:
			return
		default:
		}
		if connection, err := net.Dial("unix", socket); err == nil {
			connection.Close()
			client, err := containerd.New(socket, containerd.WithTimeout(time.Minute), containerd.WithDefaultNamespace("services.pibuild"))
			if err == nil {
				d.mutex.Lock()
				d.client = client
				if d.since == 0 {
					d.since = uptime()
				}
				close(d.up)
				d.mutex.Unlock()
				return
			}
			tell("containerd does not answer: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (d *daemon) lost() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.client == nil {
		return
	}
	d.client.Close()
	d.client, d.up = nil, make(chan struct{})
}

// ready gives the client, when there is one.
func (d *daemon) ready(ctx context.Context) (*containerd.Client, error) {
	for {
		d.mutex.Lock()
		client, up := d.client, d.up
		d.mutex.Unlock()
		if client != nil {
			return client, nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return nil, fmt.Errorf("containerd is not up: %w", ctx.Err())
		}
	}
}

func (d *daemon) setPid(pid int) {
	d.mutex.Lock()
	d.pid = pid
	d.mutex.Unlock()
}

func (d *daemon) isEnding() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.ending
}

// end stops it for good.
func (d *daemon) end() {
	d.mutex.Lock()
	d.ending = true
	pid := d.pid
	d.mutex.Unlock()
	if pid > 0 {
		syscall.Kill(pid, syscall.SIGTERM)
	}
}
