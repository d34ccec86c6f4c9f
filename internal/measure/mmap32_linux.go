//go:build linux && (386 || arm)

package measure

import "golang.org/x/sys/unix"

const sysMmap = unix.SYS_MMAP2
