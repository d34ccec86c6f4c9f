// Package traps maps what kernels, runtimes and other readers get wrong to the
// tests that hold this module against it. A row is an id, by which comments and
// tests speak of the trap, and the tests, as package.Test; "-" and a reason where there is none.
//
// Finding the cgroup:
//
//	F1  engine.TestPrivateNamespace cgroup.TestDropRealRoot environ.TestTraps
//	F2  cgroup.TestResolve environ.TestTraps
//	F3  cgroup.TestResolve
//	F4  cgroup.TestResolve environ.TestTraps
//	F5  cgroup.TestResolve environ.TestTraps
//	F6  engine.TestHybridTakesEachControllerFromWhereItIs environ.TestTraps
//	F7  cgroup.TestSystemVersionGoesByControllers environ.TestTraps
//	F8  environ.TestTraps
//	F9  cgroup.TestDiscoverLooksWhereTheConfigurationSays
//	F10 cgroup.TestEachControllerHasItsOwnPath cgroup.TestResolve
//	F11 cgroup.TestTheTypeDecidesWhatAMountIs environ.TestTraps
//	F12 cgroup.TestParseMount cgroup.TestAVeryLongLineIsNoObstacle environ.TestTraps
//	F13 cgroup.TestParseSelf environ.TestTraps
//	F14 environ.TestHungMountinfo engine.TestMountsThatCouldNotBeReadAreAskedAgain
//	F15 engine.TestAMoveIsFollowedWithinTheInterval engine.TestRealLimitsUsageAndChanges
//	F16 engine.TestALimitOnTheParentBinds environ.TestTraps
//	F17 engine.TestALimitOnTheParentBinds engine.TestRealLimitsOnTheParentOnly
//	F18 engine.TestPrivateNamespace
//	F19 engine.TestAHiddenAncestorsLimitOnV1
//	F20 engine.TestALimitOnTheParentBinds
//	F21 environ.TestEnvironments engine.TestAControllerWithoutNumbersOfTheProcessLeavesTheMachines
//	F22 environ.TestTraps
//	F23 environ.TestTraps
//
// Memory:
//
//	M1  cgroup.TestWorkingSet engine.TestV2Leaf
//	M2  cgroup.TestMemoryStat
//	M3  engine.TestALimitAboveTheMachine
//	M4  engine.TestV2Leaf engine.TestLimitsListEveryTerm
//	M5  engine.TestALimitOfZeroIsALimit
//	M6  engine.TestTheRootCgroupHasNoNumbersOfItsOwn
//	M7  - the peak is passed on as it is read, nothing compares it
//	M8  engine.TestM10LocalAndSwapEventsAreReadOnDemand engine.TestWhatIsMissingIsAbsentAndTakesNothingDown
//	M9  engine.TestV1
//	M10 engine.TestM10LocalAndSwapEventsAreReadOnDemand
//	M11 engine.TestEventsDoNotJumpWhenAnotherLevelBinds
//	M12 engine.TestV1 cgroup.TestMemoryEvents
//	M13 - usage is memory.current everywhere
//	M14 cgroup.TestParseLimit
//	M15 cgroup.TestMemoryStat cgroup.FuzzMemoryStat
//	M16 engine.TestLimitsAreReadAgainEachTime
//	M17 engine.TestSystemMemoryStates engine.TestSystemMemoryStatesSumToTheTotal
//
// CPU:
//
//	C1  cgroup.TestParseCPUMax
//	C2  otelresource.TestContainerScopeEmitsItsTable
//	C3  - nothing reads GOMAXPROCS
//	C4  engine.TestNoQuotaNoThrottling
//	C5  - throttled time is never shown as a share
//	C6  cgroup.TestSharesFromWeight
//	C7  engine.TestTheCpusetBindsBelowTheQuota engine.TestWhatIsMissingIsAbsentAndTakesNothingDown
//	C8  cgroup.TestParsePerCPU engine.TestV1
//	C9  engine.TestCPUsComeAndGo engine.TestPerCPUIsKeyedByNumber
//	C10 procfs.TestR16aGuestIsInsideUser
//	C11 engine.TestTheRootCgroupHasNoNumbersOfItsOwn
//	C12 engine.TestSplitterSumsAndNeverGoesBack
//
// Pressure:
//
//	P1  - absence by EOPNOTSUPP needs a kernel without PSI
//	P2  engine.TestPressureOfTheOwnCgroupAndOfTheMachine
//	P3  engine.TestMachineUptimeAndInterrupts engine.TestPressureOfTheOwnCgroupAndOfTheMachine
//	P4  otelresource.TestContainerScopeEmitsItsTable
//	P5  - documented with the metric
//	P6  cgroup.TestUnifiedIsFoundBesideV1Controllers
//	P7  procfs.TestPressure
//
// Disks:
//
//	I1  cgroup.TestIOStat
//	I2  cgroup.TestIOStat
//	I3  cgroup.TestIOStat
//	I4  cgroup.TestIOStat
//	I5  engine.TestStackedDisksAreNotInTheTotal
//	I6  cgroup.TestBlkio
//	I7  engine.TestDisksOfAV1Cgroup
//	I8  engine.TestNamesOfDisks
//	I9  engine.TestDisksOfAV2Cgroup
//	I10 engine.TestDisksOfAMachine
//	I11 cgroup.TestIOStat
//
// Network:
//
//	N1  engine.TestWhoseNamespaceItIs
//	N2  engine.TestWhoseNamespaceItIs
//	N3  engine.TestInANetworkNamespace engine.TestNetlinkRefused
//	N4  engine.TestTotalLeavesOutWhatRepeatsOthers engine.TestRankOfName engine.FuzzRank otelresource.TestNetworkOfAMachine
//	N5  procfs.TestLinkSpeed otelresource.TestNetworkOfAMachine
//	N6  otelresource.TestNetworkOfAMachine
//	N7  engine.TestCountersNeitherGoBackNorSpike
//	N8  engine.TestNetlinkRefused
//	N9  procfs.TestR28NetDevOfManyPages netlink.TestThousandInterfaces engine.TestInANetworkNamespace
//
// Clocks and counters:
//
//	T1  - time.Time carries the monotonic clock
//	T2  - needs a suspended machine
//	T3  engine.TestCounter
//	T4  engine.TestUsageOverTheWindow
//	T5  engine.TestWindow engine.TestShareWindow
//	T6  otelresource.TestCPUUsageCoversTheWindowWhoeverReads
//	T7  procfs.TestStat
//	T8  otelresource.TestAFailingSourceCostsNobodyElseAnExport
//	T9  otelresource.TestDeltaTemporalitySurvivesASkippedCycle
//	T10 otelresource.TestStartTwiceOnOneProviderIsRefused
//	T11 - documented
//
// Kept descriptors:
//
//	K1  kernfs.TestK1KeptDescriptorIsFresh
//	K2  engine.TestAMoveIsFollowedWithinTheInterval
//	K3  kernfs.TestK3CgroupRemovedAndMadeAgain
//	K4  engine.TestAfterItsCgroupVanishedNothingIsMadeUp
//	K5  kernfs.TestK5DescriptorsAreNotInherited
//	K6  kernfs.TestR28RecordsBeyondAPage procfs.TestK6DiskstatsOfManyPages engine.TestInANetworkNamespace
//	K7  kernfs.TestFullBufferIsNeverTheWholeFile
//	K8  engine.TestInANetworkNamespace
//	K9  - only the process itself is read
//	K10 - counted in the documentation of Monitor
//	K11 kernfs.TestSteadyReadIsOneSystemCall
//
// Platforms:
//
//	X1  engine.TestX1WhatLXCFSShowsIsNotTheMachinesSize engine.TestX1LXCFSVanishes kernfs.TestX1DaemonThatStopsAnswering
//	X2  engine.TestX2GVisorMeasuresNoSingleCPU environ.TestTraps
//	X3  environ.TestEnvironments
//	X4  environ.TestTraps
//	X5  - a task's limits are told over HTTP alone, and nothing contacts a network
//	X6  engine.TestX6ThePlatformsLimitBinds environ.TestX6LambdaTellsItsMemory
//	X7  environ.TestEnvironments
//	X8  environ.TestEnvironments
//	X9  procfs.TestStat
//
// Mistakes of others:
//
//	R5  engine.TestR5TasksAbsentDeniedAndZero
//	R6  cgroup.TestR6cStackedDevicesAreTwoEntries
//	R7  procfs.TestR7aPressureTotalIsMicroseconds procfs.TestR7cPressureOfCPUHasBothLines
//	R16 procfs.TestR16aGuestIsInsideUser
//	R28 procfs.TestR28NetDevOfManyPages kernfs.TestR28RecordsBeyondAPage
package traps
