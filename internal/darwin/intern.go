package darwin

// interned keeps one string per name, so that the names of disks and interfaces are not
// allocated at every reading.
type interned struct {
	names map[string]string
}

// maxInterned is where names are forgotten, on a machine that keeps making new ones.
const maxInterned = 4096

func (t *interned) get(b []byte) string {
	if s, ok := t.names[string(b)]; ok {
		return s
	}
	if t.names == nil || len(t.names) >= maxInterned {
		t.names = make(map[string]string)
	}
	s := string(b)
	t.names[s] = s
	return s
}
