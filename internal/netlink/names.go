package netlink

// Names remembers the names of interfaces by their index. It belongs to one
// goroutine at a time.
type Names struct {
	// Resolve asks the kernel, as Conn.Name does.
	Resolve func(index int) (string, error)

	round   uint64
	entries map[int]nameEntry
}

type nameEntry struct {
	name  string
	round uint64
}

// Name returns the name of an interface. An index that was not asked for since
// the last Refresh is resolved, others cost nothing. It is false for
// an interface that is gone.
func (n *Names) Name(index int) (string, bool) {
	e, known := n.entries[index]
	if known && e.round == n.round {
		return e.name, true
	}
	name, err := n.Resolve(index)
	if err != nil {
		delete(n.entries, index)
		return "", false
	}
	if n.entries == nil {
		n.entries = make(map[int]nameEntry)
	}
	n.entries[index] = nameEntry{name, n.round}
	return name, true
}

// Refresh makes the next round resolve every name again: an interface keeps its
// index when it is renamed. Names that nobody asked for since the last Refresh are forgotten.
func (n *Names) Refresh() {
	for index, e := range n.entries {
		if e.round != n.round {
			delete(n.entries, index)
		}
	}
	n.round++
}
