package sample

import "time"

// Network is one reading of the network collector: the interfaces of the
// process's network namespace.
type Network struct {
	Time time.Time
	// Own says that the namespace is not the machine's: its numbers are the
	// container's, or its pod's. Absent: nothing tells.
	Own        Opt[bool]
	Total      Interface   // without loopback and interfaces that repeat others
	Interfaces []Interface // every interface that is not filtered out, only where details are wanted
	Gone       int         // how many at the end of Interfaces have left: their counts stand still
}

// Reset is as that of CPU.
func (s *Network) Reset(now time.Time) {
	*s = Network{Time: now, Interfaces: s.Interfaces[:0]}
}

// Interface is one network interface, or the total of several.
type Interface struct {
	Name              string // "" of a total
	Receive, Transmit Traffic
	Speed             OptUint // of the link, bits per second
}

// Traffic is one direction: cumulative counts, and shares of the newest window.
type Traffic struct {
	Bytes, Packets, Errors, Dropped OptUint
	Utilization                     Opt[float64] // of the link's speed, 0..1
	ErrorRate                       Opt[float64] // errors as a share of packets and errors, 0..1; absent where there was neither
}
