package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// runToEnd runs a container of onboot or onshutdown with runc, without containerd, which may not be up yet. One that was
// run before this program was killed is not run twice.
func (s *service) runToEnd() {
	marker := filepath.Join(s.folder(), "exit")
	if text, err := os.ReadFile(marker); err == nil {
		code, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		s.conclude(code, nil)
		return
	}
	tries := 1
	if s.Restart.Policy != "never" {
		tries = max(s.Restart.Tries, 3)
	}
	pause := milliseconds(s.Restart.Backoff)
	for {
		s.set(starting, "")
		code, err := s.runc()
		tries--
		if (code == 0 && err == nil) || tries <= 0 {
			os.WriteFile(marker, []byte(strconv.Itoa(code)+"\n"), 0o644)
			s.conclude(code, err)
			return
		}
		s.set(backoff, fmt.Sprintf("ended with %d; tried again in %s", code, pause))
		time.Sleep(pause)
		pause = min(2*pause, milliseconds(s.Restart.Max))
	}
}

func (s *service) conclude(code int, err error) {
	s.mutex.Lock()
	s.exitCode = code
	s.mutex.Unlock()
	switch {
	case err != nil:
		s.giveUp(err.Error())
	case code != 0:
		s.giveUp(fmt.Sprintf("ended with %d", code))
	default:
		s.set(done, "")
	}
}

// runc runs the container once.
func (s *service) runc() (int, error) {
	s.cleanUp()
	if _, err := s.prepare(); err != nil {
		return 1, err
	}
	defer s.cleanUp()
	limited, stop := context.WithCancel(context.Background())
	if s.Timeout > 0 {
		limited, stop = context.WithTimeout(limited, milliseconds(s.Timeout))
	}
	defer stop()
	program := runtimeProgram(s.Runtime)
	var tail bytes.Buffer
	process := exec.CommandContext(limited, program, "--root", "/run/pibuild/runc", "run", "--bundle", s.folder(), s.Name)
	process.Stdout, process.Stderr = io.MultiWriter(s.output, &tail), io.MultiWriter(s.output, &tail)
	process.WaitDelay = 5 * time.Second
	s.set(running, "")
	err := process.Run()
	if limited.Err() != nil {
		exec.Command(program, "--root", "/run/pibuild/runc", "delete", "--force", s.Name).Run()
		return 1, fmt.Errorf("not done within %s", milliseconds(s.Timeout))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
