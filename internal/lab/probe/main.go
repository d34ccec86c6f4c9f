// Probe is a program of the lab that is limited and loaded, and says what the
// library sees. It reads commands, a line each, and answers each with one line
// of JSON:
//
//	read                    what every getter returns
//	alloc BYTES             take memory and write to it
//	free                    give it all back
//	burn SECONDS THREADS    use this much CPU time
//	send ADDRESS BYTES      send by TCP
//	doctor                  what doctor -json prints here
//	capture                 a fake root of this place, as a txtar archive
//	cat FILE                the file
//	exit
//
// Where a runtime leaves no standard streams, -in and -out name pipes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	interval := flag.Duration("interval", 200*time.Millisecond, "the monitor's UpdateInterval")
	in := flag.String("in", "", "read commands from this file, not standard input")
	out := flag.String("out", "", "write answers to this file, not standard output")
	pause := flag.Bool("pause", false, "do nothing until SIGTERM, as the first container of a pod")
	flag.Parse()
	if *pause {
		end := make(chan os.Signal, 1)
		signal.Notify(end, syscall.SIGTERM)
		<-end
		return
	}
	commands, answers := os.Stdin, os.Stdout
	var err error
	if *in != "" {
		commands, err = os.Open(*in)
	}
	if *out != "" && err == nil {
		answers, err = os.OpenFile(*out, os.O_WRONLY, 0)
	}
	if err == nil {
		err = serve(*interval, commands, answers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

// serve answers until the commands end.
func serve(interval time.Duration, commands io.Reader, answers io.Writer) error {
	// Memory that was freed must be the kernel's again: it is what is measured.
	debug.SetGCPercent(50)
	config := otelresource.DefaultConfig()
	config.UpdateInterval = interval
	config.EnableDetailedIO, config.EnableDetailedNetwork = true, true
	monitor, err := otelresource.NewResourceMonitorWithConfig(config)
	if err != nil {
		return err
	}
	p := &probe{monitor: monitor}
	encoder := json.NewEncoder(answers)
	input := bufio.NewScanner(commands)
	for input.Scan() {
		words := strings.Fields(input.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "exit" {
			return nil
		}
		answer, err := p.do(words[0], words[1:])
		if err != nil {
			answer = map[string]string{"error": err.Error()}
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
	return input.Err()
}

type probe struct {
	monitor *otelresource.Monitor
	held    [][]byte
}

func (p *probe) do(command string, arguments []string) (any, error) {
	number := func(i int) float64 {
		if i >= len(arguments) {
			return 0
		}
		n, _ := strconv.ParseFloat(arguments[i], 64) // the lab writes numbers
		return n
	}
	done := map[string]string{"done": command}
	switch command {
	case "read":
		return p.read(), nil
	case "alloc":
		p.alloc(int(number(0)))
	case "free":
		for _, b := range p.held {
			if err := syscall.Munmap(b); err != nil {
				return nil, err
			}
		}
		p.held = nil
	case "burn":
		burn(time.Duration(number(0)*float64(time.Second)), max(1, int(number(1))))
	case "send":
		return done, send(arguments[0], int(number(1)))
	case "cat":
		b, err := os.ReadFile(arguments[0])
		return map[string]string{"text": string(b)}, err
	case "capture":
		return map[string]string{"text": capture(p.monitor.GetEnvironmentInfo())}, nil
	case "doctor":
		program, err := os.Executable()
		if err != nil {
			return nil, err
		}
		output, err := exec.Command(filepath.Join(filepath.Dir(program), "doctor"), "-json").Output()
		if !json.Valid(output) {
			return nil, fmt.Errorf("doctor printed %q: %w", output, err)
		}
		return json.RawMessage(output), nil
	default:
		return nil, fmt.Errorf("unknown command %q", command)
	}
	return done, nil
}

// read asks every getter.
func (p *probe) read() map[string]any {
	ctx := context.Background()
	answer := map[string]any{"environment": p.monitor.GetEnvironmentInfo(), "pid": os.Getpid()}
	failed := map[string]string{}
	add := func(name string, value any, err error) {
		if err != nil {
			failed[name] = err.Error()
		} else if !reflect.ValueOf(value).IsNil() {
			answer[name] = value
		}
	}
	memory, err := p.monitor.GetMemoryStats(ctx)
	add("memory", memory, err)
	cpu, err := p.monitor.GetCPUStats(ctx)
	add("cpu", cpu, err)
	disks, err := p.monitor.GetIOStats(ctx)
	add("io", disks, err)
	network, err := p.monitor.GetNetworkStats(ctx)
	add("network", network, err)
	limits, err := p.monitor.GetLimits(ctx)
	add("limits", limits, err)
	answer["errors"] = failed
	return answer
}

// alloc takes anonymous memory past Go's own allocator, and touches each page.
func (p *probe) alloc(size int) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return // the lab sees that nothing grew
	}
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 1
	}
	p.held = append(p.held, b)
}

// burn uses CPU time, of the whole process, on so many threads.
func burn(d time.Duration, threads int) {
	until := used() + d
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			runtime.LockOSThread()
			for used() < until {
				for i := range int64(100_000) {
					sink.Store(i)
				}
			}
		})
	}
	all.Wait()
}

// sink keeps the compiler from leaving the loop out.
var sink atomic.Int64

func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it has no other error than a wrong argument
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func send(address string, size int) error {
	conn, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // what matters was written
	_, err = conn.Write(make([]byte, size))
	return err
}
