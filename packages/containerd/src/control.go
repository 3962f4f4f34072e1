package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The socket takes one request as JSON and gives one answer.
const controlSocket = runFolder + "/service.sock"

type request struct {
	Command string `json:"command"`
	Name    string `json:"name"`
}

type answer struct {
	Error    string          `json:"error,omitempty"`
	Text     string          `json:"text,omitempty"`
	Services []serviceStatus `json:"services,omitempty"`
}

// serviceStatus is what is told of a container. Times in seconds since the kernel started.
type serviceStatus struct {
	Name     string  `json:"name"`
	Stage    string  `json:"stage"`
	State    state   `json:"state"`
	Reason   string  `json:"reason"`
	Pid      int     `json:"pid"`
	ExitCode int     `json:"exitCode"`
	Restarts int     `json:"restarts"`
	Begun    float64 `json:"begun"`
	Took     float64 `json:"took"`
}

func (s *service) status() serviceStatus {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	status := serviceStatus{Name: s.Name, Stage: s.Stage, State: s.state, Reason: s.reason, Pid: s.pid, ExitCode: s.exitCode,
		Restarts: s.restarts, Begun: s.begun.Seconds()}
	if s.finished > s.begun && s.begun > 0 {
		status.Took = (s.finished - s.begun).Seconds()
	}
	return status
}

// listen gives the function that answers requests until the program is to end.
func listen(s *supervisor) (func(), error) {
	os.Remove(controlSocket)
	listener, err := net.Listen("unix", controlSocket)
	if err != nil {
		return nil, err
	}
	os.Chmod(controlSocket, 0o600)
	return func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				var asked request
				if json.NewDecoder(connection).Decode(&asked) != nil {
					return
				}
				json.NewEncoder(connection).Encode(s.answer(asked))
				if asked.Command == "shutdown" {
					os.Exit(0)
				}
			}()
		}
	}, nil
}

func (s *supervisor) answer(asked request) answer {
	switch asked.Command {
	case "shutdown":
		return answer{Error: s.shutdown()}
	case "summary":
		return answer{Text: s.summary()}
	case "list":
		var all []serviceStatus
		for _, each := range s.services {
			all = append(all, each.status())
		}
		return answer{Services: all}
	}
	one := s.find(asked.Name)
	if one == nil {
		return answer{Error: fmt.Sprintf("there is no service '%s'", asked.Name)}
	}
	if asked.Command == "status" {
		return answer{Services: []serviceStatus{one.status()}}
	}
	if one.Stage != "services" {
		return answer{Error: fmt.Sprintf("'%s' is of %s: it runs once", one.Name, one.Stage)}
	}
	if asked.Command == "stop" || asked.Command == "restart" {
		one.want(false)
		<-one.waitFor("stopped")
	}
	if asked.Command == "start" || asked.Command == "restart" {
		one.want(true)
		<-one.waitFor(running, ready, backoff, failed, waiting)
	}
	return answer{Services: []serviceStatus{one.status()}}
}

// waitFor is closed when the service is in one of these states, or after a minute.
func (s *service) waitFor(states ...state) <-chan struct{} {
	reached := make(chan struct{})
	go func() {
		defer close(reached)
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			s.mutex.Lock()
			now := s.state
			s.mutex.Unlock()
			for _, each := range states {
				if now == each {
					return
				}
			}
		}
	}()
	return reached
}

func call(asked request) (answer, error) {
	connection, err := net.Dial("unix", controlSocket)
	if err != nil {
		return answer{}, fmt.Errorf("the services are not kept: nobody answers at %s", controlSocket)
	}
	defer connection.Close()
	if err := json.NewEncoder(connection).Encode(asked); err != nil {
		return answer{}, err
	}
	var given answer
	if err := json.NewDecoder(connection).Decode(&given); err != nil && asked.Command != "shutdown" {
		return answer{}, err
	}
	if given.Error != "" {
		return answer{}, fmt.Errorf("%s", given.Error)
	}
	return given, nil
}

func list(arguments []string) int {
	if len(arguments) != 0 {
		return fail("usage: pibuild-service list")
	}
	given, err := call(request{Command: "list"})
	if err != nil {
		return fail("%v", err)
	}
	fmt.Printf("%-20s %-10s %-9s %6s %8s %8s  %s\n", "NAME", "STAGE", "STATE", "PID", "TOOK", "RESTARTS", "")
	for _, each := range given.Services {
		pid := "-"
		if each.Pid > 0 {
			pid = strconv.Itoa(each.Pid)
		}
		fmt.Printf("%-20s %-10s %-9s %6s %8s %8d  %s\n", each.Name, each.Stage, each.State, pid, seconds(each.Took), each.Restarts, each.Reason)
	}
	return 0
}

func status(arguments []string) int {
	if len(arguments) != 1 {
		return fail("usage: pibuild-service status NAME")
	}
	given, err := call(request{Command: "status", Name: arguments[0]})
	if err != nil {
		return fail("%v", err)
	}
	one := given.Services[0]
	fmt.Printf("name: %s\nstage: %s\nstate: %s\n", one.Name, one.Stage, one.State)
	if one.Reason != "" {
		fmt.Printf("reason: %s\n", one.Reason)
	}
	fmt.Printf("pid: %d\nexit code: %d\nrestarts: %d\nbegan: %s\ntook: %s\nlog: %s\n", one.Pid, one.ExitCode, one.Restarts,
		seconds(one.Begun), seconds(one.Took), logFile(one.Name))
	if one.State == ready || one.State == done || one.State == running {
		return 0
	}
	return 3
}

func summary(arguments []string) int {
	given, err := call(request{Command: "summary"})
	if err != nil {
		return fail("%v", err)
	}
	fmt.Print(given.Text)
	return 0
}

// ask sends a command that needs no answer.
func ask(arguments []string) int {
	command := os.Args[1]
	wanted := 1
	if command == "shutdown" {
		wanted = 0
	}
	if len(arguments) != wanted {
		return fail("usage: pibuild-service %s", commands[command].usage)
	}
	asked := request{Command: command}
	if wanted == 1 {
		asked.Name = arguments[0]
	}
	given, err := call(asked)
	if err != nil {
		return fail("%v", err)
	}
	for _, each := range given.Services {
		fmt.Printf("%s is %s\n", each.Name, each.State)
	}
	return 0
}

func showConfig(arguments []string) int {
	if len(arguments) != 1 {
		return fail("usage: pibuild-service config NAME")
	}
	text, err := os.ReadFile(filepath.Join(runFolder, "services", arguments[0], "config.json"))
	if err != nil {
		return fail("'%s' was not started: %v", arguments[0], err)
	}
	os.Stdout.Write(text)
	return 0
}

// memory adds up what the programs that keep the services hold: the memory of their own, and what they have of files.
func memory([]string) int {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	var own, files int
	fmt.Printf("%6s %9s %9s  %s\n", "PID", "OWN", "FILES", "PROGRAM")
	for _, folder := range folders {
		name, err := os.ReadFile(folder + "/comm")
		if err != nil {
			continue
		}
		base := strings.TrimSpace(string(name))
		if base != "pibuild-service" && !strings.HasPrefix(base, "containerd") {
			continue
		}
		text, err := os.ReadFile(folder + "/status")
		if err != nil || folder == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		anonymous, mapped := fieldOf(string(text), "RssAnon:"), fieldOf(string(text), "RssFile:")
		own, files = own+anonymous, files+mapped
		fmt.Printf("%6s %8dK %8dK  %s\n", filepath.Base(folder), anonymous, mapped, base)
	}
	fmt.Printf("%6s %8dK %8dK\n", "all", own, files)
	return 0
}

func fieldOf(text, name string) int {
	_, rest, found := strings.Cut(text, name)
	if !found {
		return 0
	}
	var value int
	fmt.Sscan(rest, &value)
	return value
}
