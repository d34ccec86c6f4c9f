//go:build !unix

package hostfs

import "os"

func openHost(name string) (*os.File, error) { return os.Open(name) }

func openIn(root *os.Root, rel, _ string) (*os.File, error) { return root.Open(rel) }
