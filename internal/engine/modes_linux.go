package engine

import "github.com/cboxdk/resource-monitor/internal/sample"

// modeCounters are the counters of one line of /proc/stat.
type modeCounters [8]counter

func (m *modeCounters) add(t sample.CPUTimes) sample.CPUTimes {
	return sample.CPUTimes{
		User: m[0].add(t.User), Nice: m[1].add(t.Nice), System: m[2].add(t.System), Idle: m[3].add(t.Idle),
		IOWait: m[4].add(t.IOWait), IRQ: m[5].add(t.IRQ), SoftIRQ: m[6].add(t.SoftIRQ), Steal: m[7].add(t.Steal),
	}
}

// rebased leaves idle and iowait out: the kernel lets them go back a little.
func (m *modeCounters) rebased() bool {
	return m[0].rebased || m[1].rebased || m[2].rebased
}
