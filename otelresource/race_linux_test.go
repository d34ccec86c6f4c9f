//go:build linux && race

package otelresource_test

const raceDetector = true
