//go:build unix

package hostfs

import "syscall"

const nonblock = syscall.O_NONBLOCK
