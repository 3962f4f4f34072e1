package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func logFile(name string) string { return filepath.Join(logFolder, name+".log") }

// logger is a file that begins anew when it is full; the older ones are NAME.log.1, .2 ...
type logger struct {
	mutex sync.Mutex
	path  string
	size  int64
	keep  int
	file  *os.File
	used  int64
}

// openLog gives where the output of a container goes; without `logs` nowhere.
func openLog(d *definition) io.Writer {
	if d.Logs == nil {
		return io.Discard
	}
	return &logger{path: logFile(d.Name), size: d.Logs.Size, keep: d.Logs.Keep}
}

// Write never fails: a full disk must not stop a service.
func (l *logger) Write(bytes []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.file == nil && !l.open() {
		return len(bytes), nil
	}
	if l.used > 0 && l.used+int64(len(bytes)) > l.size {
		l.rotate()
	}
	if l.file != nil {
		written, _ := l.file.Write(bytes)
		l.used += int64(written)
	}
	return len(bytes), nil
}

func (l *logger) open() bool {
	os.MkdirAll(logFolder, 0o755)
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return false
	}
	if info, err := file.Stat(); err == nil {
		l.used = info.Size()
	}
	l.file = file
	return true
}

func (l *logger) rotate() {
	l.file.Close()
	l.file, l.used = nil, 0
	if l.keep == 0 {
		os.Truncate(l.path, 0)
	}
	for old := l.keep; old > 0; old-- {
		from := l.path
		if old > 1 {
			from += "." + strconv.Itoa(old-1)
		}
		os.Rename(from, l.path+"."+strconv.Itoa(old))
	}
	l.open()
}

// fifo is what a service writes into. It is kept open here for reading and writing, so that neither end ever sees it
// closed: when this program is killed, the next one goes on reading where it stopped.
func openFifo(d *definition) (string, *os.File, error) {
	path := filepath.Join(d.folder(), "output")
	if err := os.MkdirAll(d.folder(), 0o755); err != nil {
		return "", nil, err
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil && !os.IsExist(err) {
		return "", nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	return path, file, err
}

// logs prints a log, its older part first.
func logs(arguments []string) int {
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	follow := flags.Bool("f", false, "go on while more comes")
	lines := flags.Int("n", 0, "only the last `lines`")
	if flags.Parse(arguments) != nil || flags.NArg() != 1 {
		return fail("usage: pibuild-service logs [-f] [-n LINES] NAME")
	}
	path := logFile(flags.Arg(0))
	file, err := os.Open(path)
	if err != nil {
		if _, known := os.Stat(filepath.Join(bundleFolder, flags.Arg(0))); known == nil {
			return fail("'%s' has printed nothing yet", flags.Arg(0))
		}
		return fail("there is no service '%s'", flags.Arg(0))
	}
	old, err := os.ReadFile(path + ".1")
	if err != nil {
		old = nil
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return fail("%v", err)
	}
	os.Stdout.Write(lastLines(append(old, text...), *lines))
	for *follow {
		time.Sleep(500 * time.Millisecond)
		if again, err := os.Open(path); err == nil && !sameFile(again, file) {
			io.Copy(os.Stdout, file)
			file.Close()
			file = again
		} else if err == nil {
			again.Close()
		}
		io.Copy(os.Stdout, bufio.NewReader(file))
	}
	return 0
}

func sameFile(one, other *os.File) bool {
	a, errA := one.Stat()
	b, errB := other.Stat()
	return errA == nil && errB == nil && os.SameFile(a, b)
}

func lastLines(text []byte, count int) []byte {
	if count == 0 {
		return text
	}
	for at := len(text) - 1; at >= 0; at-- {
		if text[at] == '\n' && at != len(text)-1 {
			if count--; count == 0 {
				return text[at+1:]
			}
		}
	}
	return text
}

// tell writes a line into the kernel's log, where `dmesg` and `logread` have it.
func tell(format string, values ...any) {
	line := fmt.Sprintf(format, values...)
	if file, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err == nil {
		fmt.Fprintf(file, "<5>services: %s\n", line)
		file.Close()
	}
}

// uptime is how long ago the kernel started.
func uptime() time.Duration {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	var seconds float64
	fmt.Sscan(string(text), &seconds)
	return time.Duration(seconds * float64(time.Second))
}
