//go:build darwin

// Command probe prints one reading of everything. It is built by the tests,
// which look at what it imports, and is of use on a Mac to whoever wants to
// compare with vm_stat, netstat -ib and iostat -Id.
package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
)

func main() {
	k := darwin.System()
	var (
		memory  darwin.Memory
		cpu     darwin.CPU
		network darwin.Network
		process darwin.Process
		limits  darwin.Limits
		host    darwin.Host
	)
	disks := darwin.NewDiskReader(k)
	defer disks.Close()
	memories, cpus := darwin.NewMemoryReader(k), darwin.NewCPUReader(k)
	show("memory", &memory, errors.Join(memories.Read(time.Now(), &memory), memories.ReadPressure(&memory)))
	show("cpu", &cpu, errors.Join(cpus.Read(&cpu), cpus.ReadState(&cpu)))
	list, err := disks.Read(nil)
	show("disks", list, err)
	show("network", &network, darwin.NewNetworkReader(k).Read(&network))
	show("process", &process, darwin.NewProcessReader(k).Read(&process))
	show("limits", &limits, darwin.NewLimitsReader(k).Read(&limits))
	show("host", &host, darwin.ReadHost(k, &host))
}

func show(name string, reading any, err error) {
	fmt.Printf("%s: %+v, %v\n", name, reading, err)
}
