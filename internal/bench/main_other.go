//go:build !linux

// Command bench compares costs on Linux.
package main

import "log"

func main() { log.Fatal("bench reads a Linux machine") }
