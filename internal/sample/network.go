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
}

// ReadAt returns when the reading was made.
func (s *Network) ReadAt() time.Time { return s.Time }

// Reset is as that of CPU.
func (s *Network) Reset(now time.Time) {
	*s = Network{Time: now, Interfaces: s.Interfaces[:0]}
}

// Interface is one network interface, or the total of several.
type Interface struct {
	Name              string // "" of a total
	Receive, Transmit Traffic
	Speed             OptUint // of the link, bits per second
	Breaks            uint32  // as counter.Counter.Breaks, of all counts
	Series            uint32  // an interface of the same name with another number has other counts
}

// Traffic is the cumulative counts of one direction.
type Traffic struct {
	Bytes, Packets, Errors, Dropped OptUint
}
