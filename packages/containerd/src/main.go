// pibuild-service keeps the containers of a board: it runs those of `onboot` with runc, starts containerd and through it
// the `services` in their order, watches them, and answers `pibuild-service list` and its like over a socket.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// A command of the program: what follows its name are its arguments; what it returns is the exit code.
type command struct {
	usage string
	help  string
	run   func(arguments []string) int
}

var commands map[string]command

func init() {
	commands = map[string]command{
		"list":      {"list", "the containers of this board, and how they are", list},
		"status":    {"status NAME", "all that is known of one; exit code 0 when it is up", status},
		"summary":   {"summary", "how the start went: what started, how long it took, what failed", summary},
		"logs":      {"logs [-f] [-n LINES] NAME", "what it printed", logs},
		"start":     {"start NAME", "start a service that was stopped or has failed", ask},
		"stop":      {"stop NAME", "stop a service until it is started again", ask},
		"restart":   {"restart NAME", "stop and start a service", ask},
		"memory":    {"memory", "the memory of containerd, its shims and this program", memory},
		"config":    {"config NAME", "the config.json that it was last started with", showConfig},
		"supervise": {"supervise", "keep the services (done at start)", supervise},
		"shutdown":  {"shutdown", "stop all, and run what is for the shutdown (done at halt)", ask},
		"seccomp":   {"seccomp", "put containerd's default seccomp profile into a config.json (done at build)", seccompProfile},
	}
}

func main() {
	if otherPersonality() {
		return
	}
	if len(os.Args) >= 2 {
		if found, ok := commands[os.Args[1]]; ok {
			os.Exit(found.run(os.Args[2:]))
		}
	}
	out, code := os.Stderr, 2
	if len(os.Args) == 2 && (os.Args[1] == "help" || os.Args[1] == "--help" || os.Args[1] == "-h") {
		out, code = os.Stdout, 0
	} else if len(os.Args) >= 2 {
		fmt.Fprintf(out, "pibuild-service: there is no command '%s'\n", os.Args[1])
	}
	fmt.Fprintln(out, "usage: pibuild-service COMMAND")
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(out, "  %-26s %s\n", commands[name].usage, commands[name].help)
	}
	os.Exit(code)
}

// fail prints what went wrong, and is the exit code for it.
func fail(format string, values ...any) int {
	fmt.Fprintf(os.Stderr, "pibuild-service: %s\n", strings.TrimSuffix(fmt.Sprintf(format, values...), "\n"))
	return 1
}
