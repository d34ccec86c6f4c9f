package otelresource

import "runtime"

// platformSupported says whether detection has anything to read.
const platformSupported = runtime.GOOS == "linux" || runtime.GOOS == "darwin"
