package environ

// Shape is what a cgroup path says, for tests of the grammar.
type Shape struct {
	Container                      bool
	Runtime, ID, Name, PodUID, QOS string
	Sandbox                        string
}

// ParseShape reads one path.
func ParseShape(path string) Shape {
	s := parseShape(path)
	return Shape{s.container, s.runtime, s.id, s.name, s.podUID, s.qos, s.sandbox}
}

// ReadCPUID runs the rules of the instruction on made-up leaves.
var ReadCPUID = readCPUID

// Clean is the boundary that all text passes.
var Clean = clean

// SetFail makes reads of single files go wrong.
func SetFail(in *Input, fail func(name string) error) { in.fail = fail }
