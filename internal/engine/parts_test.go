package engine

import "github.com/cboxdk/resource-monitor/internal/sample"

// What getters and the metrics of the machine want.
const (
	direct       = sample.PartCgroup | sample.PartDirect
	wholeMachine = sample.PartSystem | sample.PartSystemInfo | sample.PartSystemPressure
)
