//go:build !darwin

package environ

import "errors"

// HostSysctl has an answer on macOS alone.
func HostSysctl(string) ([]byte, error) { return nil, errors.ErrUnsupported }
