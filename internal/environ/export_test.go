package environ

// SetFail makes reads of single files go wrong.
func SetFail(in *Input, fail func(name string) error) { in.fail = fail }
