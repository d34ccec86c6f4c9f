package otelresource

import (
	"sync"

	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// published is what the cache of a collector holds: the sample for the
// instruments, the public struct for direct readers, each only where somebody
// wants it.
type published[S, P any] struct {
	sample *S
	stats  *P
	err    error // why a direct reader gets nothing
}

type (
	memorySnapshot  = published[sample.Memory, MemoryStats]
	cpuSnapshot     = published[sample.CPU, CPUStats]
	ioSnapshot      = published[sample.IO, IOStats]
	networkSnapshot = published[sample.Network, NetworkStats]
)

func (p *published[S, P]) reading() *S { return p.sample }

// pool lends samples of which nothing but the public struct is kept. One
// serves all monitors: a pool of its own would cost each of them 128 bytes for every CPU.
type pool[S any] struct{ sync.Pool }

func (p *pool[S]) get() *S {
	if s, ok := p.Get().(*S); ok {
		return s
	}
	return new(S)
}

var (
	memorySamples  pool[sample.Memory]
	cpuSamples     pool[sample.CPU]
	ioSamples      pool[sample.IO]
	networkSamples pool[sample.Network]
)

// public is a public struct P and what it points to. It is made from a sample
// S, or there is a reason why not.
type public[S, P, B any] interface {
	*B
	convert(*S, *usage) (*P, error)
}

// publish reads a sample and makes what parts ask for, in one allocation.
func publish[S, P, B any, To public[S, P, B]](op string, parts sample.Parts, from *pool[S], u *usage, read func(*S) error) (*snapshot.Value[published[S, P]], error) {
	type value = snapshot.Value[published[S, P]]
	switch {
	case !parts.Have(sample.PartSample):
		s := from.get()
		defer from.Put(s)
		if err := read(s); err != nil {
			return nil, toError(op, err)
		}
		v := new(struct {
			value
			to B
		})
		v.It.stats, v.It.err = To(&v.to).convert(s, u)
		return &v.value, nil
	case !parts.Have(direct):
		v := new(struct {
			value
			from S
		})
		if err := read(&v.from); err != nil {
			return nil, toError(op, err)
		}
		v.It.sample = &v.from
		return &v.value, nil
	}
	v := new(struct {
		value
		from S
		to   B
	})
	if err := read(&v.from); err != nil {
		return nil, toError(op, err)
	}
	v.It.sample = &v.from
	v.It.stats, v.It.err = To(&v.to).convert(&v.from, u)
	return &v.value, nil
}
