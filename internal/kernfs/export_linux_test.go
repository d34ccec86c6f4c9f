package kernfs

// FD returns the descriptor that f keeps, or -1.
func (f *File) FD() int { return int(f.held) - 1 }

// Reprobe is how long a file that could not be opened is left alone.
const Reprobe = reprobe
