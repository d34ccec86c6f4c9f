//go:build !race

package otelresource_test

const raceDetector = false
