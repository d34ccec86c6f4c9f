//go:build !unix

package hostfs

const nonblock = 0
