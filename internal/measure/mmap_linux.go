//go:build !386 && !arm

package measure

import "golang.org/x/sys/unix"

const sysMmap = unix.SYS_MMAP
