package dashboards

// The thresholds of the dashboards and the alerts, each with its reason.
const (
	// Reclaim works hardest near the limit, and what cannot be reclaimed is
	// killed at it. The working set leaves inactive page cache out, so that the
	// last tenth is memory that the program is really using.
	memoryWarning  = 0.8
	memoryCritical = 0.9

	// A CPU in full use makes work wait, and may as well be what was paid for:
	// it colors the dashboards, and pressure and throttling alert.
	cpuWarning  = 0.8
	cpuCritical = 0.95

	// Time that the hypervisor gives to others is lost to every program of the
	// machine. A little is what sharing costs; with a fifth gone it is too crowded.
	stolenWarning  = 0.05
	stolenCritical = 0.2

	// A program that runs out of its quota in every fourth period makes its
	// slowest requests wait up to a period, 100 ms by default; kubernetes-mixin
	// alerts at the same share.
	throttledWarning  = 0.1
	throttledCritical = 0.25

	// In "full" nobody in the cgroup makes progress: a tenth of the time lost
	// to reclaim is thrashing, not caching.
	memoryPressureWarning  = 0.02
	memoryPressureCritical = 0.1

	// In "some" a task waits for a CPU while others run, which is usual in
	// bursts. Half of the time for a quarter of an hour is not a burst.
	cpuPressureWarning  = 0.25
	cpuPressureCritical = 0.5

	// Waiting for disks is what some programs do; a fifth of the time in which
	// nobody does anything else is worth a look.
	ioPressureWarning  = 0.05
	ioPressureCritical = 0.2

	// Swap used beyond a tenth of the memory limit is no longer what the
	// program put away at its start.
	swapWarning = 0.1

	// A link loses a packet now and then; one in a hundred slows every stream.
	networkErrors = 0.01

	// Out of thread ids fork fails: leave room for a burst.
	pidsWarning = 0.9
)
