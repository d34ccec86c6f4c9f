// Package traps maps what kernels, runtimes and other readers get wrong to the
// tests that hold this module against it. A row is an id, by which comments and
// tests speak of the trap, and what it is; below stand the tests, as
// package.Test, or "-" and a reason where there is none.
//
// Finding the cgroup:
//
//	F1  the path "/" is a private namespace's own cgroup too
//	    engine.TestPrivateNamespace cgroup.TestDropRealRoot environ.TestTraps
//	F2  a mount's root is a prefix of the path by component
//	    cgroup.TestResolve environ.TestTraps
//	F3  paths that lead out of the namespace by ".."
//	    cgroup.TestResolve
//	F4  a namespace entered without its own mounts
//	    cgroup.TestResolve environ.TestTraps
//	F5  several mounts of one hierarchy
//	    cgroup.TestResolve environ.TestTraps
//	F6  hybrid: v1 controllers beside a v2 path
//	    engine.TestHybridTakesEachControllerFromWhereItIs environ.TestTraps
//	F7  a lone v1 mount makes no v1 system
//	    cgroup.TestSystemVersionGoesByControllers environ.TestTraps
//	F8  no line, or a line without a mount
//	    environ.TestTraps
//	F9  the v2 hierarchy below "unified"
//	    cgroup.TestDiscoverLooksWhereTheConfigurationSays
//	F10 controllers that share a mount, or do not
//	    cgroup.TestEachControllerHasItsOwnPath cgroup.TestResolve
//	F11 the type of a mount is not its source
//	    cgroup.TestTheTypeDecidesWhatAMountIs environ.TestTraps
//	F12 blanks, escapes and length of mountinfo
//	    cgroup.TestParseMount cgroup.TestAVeryLongLineIsNoObstacle environ.TestTraps
//	F13 colons in the path
//	    cgroup.TestParseSelf environ.TestTraps
//	F14 mountinfo that hangs
//	    environ.TestHungMountinfo engine.TestMountsThatCouldNotBeReadAreAskedAgain
//	F15 processes that are moved after their start
//	    engine.TestAMoveIsFollowedWithinTheInterval engine.TestRealLimitsUsageAndChanges
//	F16 limits on the parent scope of a container's leaf
//	    engine.TestALimitOnTheParentBinds environ.TestTraps
//	F17 limits on an ancestor only
//	    engine.TestALimitOnTheParentBinds engine.TestRealLimitsOnTheParentOnly
//	F18 ancestors that are not visible
//	    engine.TestPrivateNamespace
//	F19 v1's hierarchical limit, with use_hierarchy alone
//	    engine.TestAHiddenAncestorsLimitOnV1 otelresource.TestLimitOfAHiddenAncestorOnV1
//	F20 controllers that are not delegated to the leaf
//	    engine.TestF20AMissingFileIsNotMax
//	F21 a path, and no mount that shows it
//	    environ.TestEnvironments engine.TestAControllerWithoutNumbersOfTheProcessLeavesTheMachines
//	F22 process 1 is another's
//	    environ.TestTraps
//	F23 slices limit outside containers too
//	    environ.TestTraps
//
// Memory:
//
//	M1  usage includes the page cache
//	    cgroup.TestWorkingSet engine.TestV2Leaf cgroup.TestReclaimable otelresource.TestAvailableCountsPageCacheAsReclaimable
//	M2  v1's total_ fields include the children
//	    cgroup.TestMemoryStat
//	M3  a limit above the machine's memory
//	    engine.TestALimitAboveTheMachine
//	M4  memory.high throttles before the limit
//	    engine.TestV2Leaf engine.TestLimitsListEveryTerm engine.TestMemoryHighBoundsTheProcess
//	M5  a limit of zero
//	    engine.TestALimitOfZeroIsALimit
//	M6  the root cgroup has no usage
//	    engine.TestTheRootCgroupHasNoNumbersOfItsOwn
//	M7  a peak above the limit
//	    engine.TestM7ThePeakMayPassTheLimit engine.TestRealMemoryTakenToTheLimit
//	M8  no swap accounting
//	    engine.TestM10LocalAndSwapEventsAreReadOnDemand engine.TestWhatIsMissingIsAbsentAndTakesNothingDown
//	M9  memsw is memory and swap together
//	    engine.TestV1 engine.TestV1SwapLimitIsTheSmallestSumLessTheSmallestLimit engine.TestV1MemoryPlusSwapBoundsWhatIsAvailable
//	M10 memory.events count the subtree
//	    engine.TestM10LocalAndSwapEventsAreReadOnDemand
//	M11 oom, oom_kill and oom_group_kill differ
//	    engine.TestEventsDoNotJumpWhenAnotherLevelBinds
//	M12 v1 counts kills and failures alone
//	    engine.TestV1 cgroup.TestMemoryEvents engine.TestRealMemoryTakenToTheLimit
//	M13 memory charged as shared memory
//	    engine.TestM13UsageIsNotAnon
//	M14 the sentinel is all that a task shows
//	    cgroup.TestParseLimit
//	M15 keys that share prefixes
//	    cgroup.TestMemoryStat cgroup.FuzzMemoryStat
//	M16 the machine's memory changes
//	    engine.TestLimitsAreReadAgainEachTime
//	M17 free is not available
//	    engine.TestSystemMemoryStates engine.TestSystemMemoryStatesSumToTheTotal
//
// CPU:
//
//	C1  cpu.max of one field, or of a bad period
//	    cgroup.TestParseCPUMax
//	C2  bursts pass the limit
//	    otelresource.TestContainerScopeEmitsItsTable
//	C3  GOMAXPROCS is not the limit
//	    engine.TestC3GOMAXPROCSIsNoLimit
//	C4  counts of a quota that was removed
//	    engine.TestNoQuotaNoThrottling
//	C5  throttled time passes the wall clock
//	    engine.TestC5ThrottledTimeMayPassTheWallClock
//	C6  a weight tells no request
//	    cgroup.TestSharesFromWeight
//	C7  an empty or absent cpuset
//	    engine.TestC7WithoutTheFileTheAncestorsCpusetCounts engine.TestTheCpusetBindsBelowTheQuota
//	C8  possible CPUs on v1, none on v2
//	    cgroup.TestParsePerCPU engine.TestV1
//	C9  CPUs come and go
//	    engine.TestCPUsComeAndGo engine.TestPerCPUIsKeyedByNumber
//	C10 guest time is inside user time
//	    procfs.TestR16aGuestIsInsideUser
//	C11 the root's cpu.stat is the machine's
//	    engine.TestTheRootCgroupHasNoNumbersOfItsOwn
//	C12 the ticks of cpuacct.stat are coarse
//	    counter.FuzzSplit counter.TestSplitOfAbsurdCounters
//
// Pressure:
//
//	P1  pressure that opens and cannot be read
//	    engine.TestP1PressureSwitchedOff kernfs.TestFileThatOpensButCannotBeRead
//	P2  no file of pressure
//	    engine.TestPressureOfTheOwnCgroupAndOfTheMachine
//	P3  lines that a resource does not have
//	    engine.TestMachineUptimeAndInterrupts engine.TestPressureOfTheOwnCgroupAndOfTheMachine
//	P4  /proc/pressure is the machine's
//	    otelresource.TestContainerScopeEmitsItsTable
//	P5  a quota causes pressure
//	    engine.TestP5PressureStandsBesideThrottling
//	P6  pressure in the v2 tree of a hybrid
//	    cgroup.TestUnifiedIsFoundBesideV1Controllers
//	P7  blank lines and more fields
//	    procfs.TestPressure
//
// Disks:
//
//	I1  devices without numbers before one that has them
//	    cgroup.TestIOStat
//	I2  a device called (unknown)
//	    cgroup.TestIOStat
//	I3  a torn line
//	    cgroup.TestIOStat
//	I4  keys of other controllers, with fractions
//	    cgroup.TestIOStat
//	I5  stacked devices count twice
//	    engine.TestStackedDisksAreNotInTheTotal
//	I6  v1 counts in the throttle files
//	    cgroup.TestBlkio
//	I7  v1 repeats Read and Write
//	    engine.TestDisksOfAV1Cgroup
//	I8  names of devices without sysfs
//	    engine.TestNamesOfDisks
//	I9  whole disks alone on v2
//	    engine.TestDisksOfAV2Cgroup
//	I10 times of disks are the machine's
//	    engine.TestDisksOfAMachine
//	I11 an empty io.stat
//	    cgroup.TestIOStat
//
// Network:
//
//	N1  the namespace can be the machine's or a pod's
//	    engine.TestWhoseNamespaceItIs
//	N2  no inode of a namespace is constant
//	    engine.TestWhoseNamespaceItIs
//	N3  a thread in another namespace
//	    engine.TestInANetworkNamespace engine.TestNetlinkRefused
//	N4  interfaces that repeat others
//	    engine.TestTotalLeavesOutWhatRepeatsOthers engine.TestRankOfName engine.FuzzRank otelresource.TestNetworkOfAMachine
//	N5  a link without a speed
//	    procfs.TestLinkSpeed otelresource.TestNetworkOfAMachine
//	N6  drops without errors
//	    otelresource.TestNetworkOfAMachine
//	N7  counters of 32 bits
//	    engine.TestCountersNeitherGoBackNorSpike
//	N8  guests show their own interfaces
//	    engine.TestNetlinkRefused
//	N9  more interfaces than a page holds
//	    procfs.TestR28NetDevOfManyPages netlink.TestThousandInterfaces engine.TestInANetworkNamespace
//
// Clocks and counters:
//
//	T1  the wall clock steps
//	    engine.TestT1WindowsGoByTheMonotonicClock
//	T2  the monotonic clock stands still in a suspended machine
//	    engine.TestCPUUsageIsNeverMadeUp
//	T3  counters that go back
//	    counter.TestCounter engine.TestCPUUsageIsNeverMadeUp
//	T4  a sample that comes late
//	    engine.TestCPUUsageIsNeverMadeUp engine.TestUsageOverTheWindow
//	T5  two readings in one instant
//	    counter.TestWindow
//	T6  two readers of one state
//	    otelresource.TestCPUUsageCoversTheWindowWhoeverReads engine.TestTwoMonitorsHaveABaselineEach
//	T7  ticks are hundredths of a second
//	    procfs.TestStat
//	T8  an error in a callback costs the whole export
//	    otelresource.TestAFailingSourceCostsNobodyElseAnExport
//	T9  a skipped cycle under delta temporality
//	    otelresource.TestDeltaTemporalitySurvivesASkippedCycle
//	T10 two registrations double sums
//	    otelresource.TestStartTwiceOnOneProviderIsRefused
//	T11 counters start before the process
//	    otelresource.TestContainerScopeEmitsItsTable producer.TestSumsCountFromTheirStartTime
//
// Kept descriptors:
//
//	K1  a kept descriptor reads fresh text
//	    kernfs.TestK1KeptDescriptorIsFresh
//	K2  a kept descriptor does not follow a move
//	    engine.TestAMoveIsFollowedWithinTheInterval
//	K3  a cgroup removed and made again
//	    kernfs.TestK3CgroupRemovedAndMadeAgain
//	K4  a cgroup renamed
//	    engine.TestK4ARenamedCgroupIsFound
//	K5  descriptors that a child inherits
//	    kernfs.TestK5DescriptorsAreNotInherited
//	K6  files handed out by the page
//	    kernfs.TestR28RecordsBeyondAPage procfs.TestK6DiskstatsOfManyPages engine.TestInANetworkNamespace
//	K7  a text read in two pieces
//	    kernfs.TestFullBufferIsNeverTheWholeFile
//	K8  a descriptor keeps its network namespace
//	    engine.TestInANetworkNamespace
//	K9  files of a process that ended
//	    - only the living process itself is read
//	K10 memory of an open file
//	    - counted in the documentation of Monitor
//	K11 a reading is one system call
//	    kernfs.TestSteadyReadIsOneSystemCall
//
// Platforms:
//
//	X1  LXCFS
//	    engine.TestX1WhatLXCFSShowsIsNotTheMachinesSize engine.TestX1LXCFSVanishes engine.TestNoMachineMemoryWithoutATotal engine.TestTheMachinesAvailableIsAtMostItsTotal kernfs.TestX1DaemonThatStopsAnswering
//	X2  gVisor
//	    engine.TestX2GVisorMeasuresNoSingleCPU otelresource.TestPerCPUWithoutCPUsLeavesTheTotal environ.TestTraps
//	X3  Kata and Firecracker
//	    environ.TestEnvironments
//	X4  WSL
//	    environ.TestTraps
//	X5  Amazon ECS
//	    - a task's limits are told over HTTP alone, and nothing contacts a network
//	X6  AWS Lambda
//	    engine.TestX6ThePlatformsLimitBinds environ.TestX6LambdaTellsItsMemory
//	X7  Cloud Run
//	    environ.TestEnvironments
//	X8  virtual machines of desktops, whose memory changes
//	    engine.TestLimitsAreReadAgainEachTime
//	X9  stolen time that a platform does not count
//	    procfs.TestStat
//
// Mistakes of others:
//
//	R1  microseconds taken for nanoseconds
//	    cgroup.TestCPUStat engine.TestV2Leaf
//	R2  swap added to a memory without limit
//	    engine.TestR2SwapLimitWithoutAMemoryLimit
//	R3  a blank line in a file of pressure
//	    procfs.TestPressure
//	R4  the numbers of the last device given to the others
//	    cgroup.TestIOStat engine.TestDisksOfAV2Cgroup
//	R5  absent, denied and zero told alike
//	    engine.TestR5TasksAbsentDeniedAndZero otelresource.TestEachLossLeavesTheRest
//	R6  an empty or reversed cpuset; stacked devices added up
//	    kernfs.TestCPUList kernfs.TestCPUListMalformed cgroup.TestR6cStackedDevicesAreTwoEntries engine.TestStackedDisksAreNotInTheTotal
//	R7  wrong unit of pressure; a limit of zero; one line of two
//	    procfs.TestR7aPressureTotalIsMicroseconds engine.TestALimitOfZeroIsALimit procfs.TestR7cPressureOfCPUHasBothLines
//	R8  the root's files taken for the container's
//	    cgroup.TestResolve environ.TestTraps
//	R9  a path cut at a colon; one path for all controllers
//	    cgroup.TestParseSelf cgroup.TestEachControllerHasItsOwnPath
//	R10 files read at the mount; usage of the machine; a working set below zero
//	    cgroup.TestResolve engine.TestR10bWithoutStatUsageIsStillTheCgroups cgroup.TestWorkingSet
//	R11 the machine's system time under a container's name
//	    counter.TestSplitFollowsTheSharesOfItsCounters engine.TestV1
//	R12 usage that needs nr_periods to move
//	    engine.TestR12UsageWithoutAQuota
//	R13 a sentinel of larger pages; a limit kept for ever
//	    engine.TestR13UnlimitedThenResized
//	R14 names of services and modules taken for containers
//	    environ.TestTraps environ.TestRejectedShapes
//	R15 equal totals; a CPU less than before
//	    counter.TestWindow engine.TestPerCPUIsKeyedByNumber
//	R16 guest time added; one loss costs all; states that do not add up
//	    procfs.TestR16aGuestIsInsideUser otelresource.TestAFailingSourceCostsNobodyElseAnExport engine.TestSystemMemoryStatesSumToTheTotal
//	R17 ids made of any hexadecimal word
//	    environ.TestRejectedShapes environ.TestTraps
//	R18 the sandbox's id taken for the container's
//	    environ.TestTraps
//	R19 the id of a sandbox's hostname
//	    environ.TestTraps
//	R20 an ancestor's pressure; one missing file turns off all
//	    cgroup.TestResolve engine.TestPressureOfTheOwnCgroupAndOfTheMachine
//	R21 shares guessed of a weight; the parent's limit not seen
//	    cgroup.TestSharesFromWeight engine.TestALimitOnTheParentBinds
//	R22 cpu.max without newline, of period zero; the narrower mount
//	    cgroup.TestParseCPUMax engine.TestALimitOnTheParentBinds cgroup.TestResolve
//	R23 a denied level hides the others
//	    engine.TestAnUnreadableLevelHidesNoOther
//	R24 devices of io.stat added up
//	    cgroup.TestIOStat engine.TestDisksOfAV2Cgroup
//	R25 an unknown field of pressure
//	    procfs.TestPressure
//	R26 a search of all cgroups
//	    environ.TestTraps engine.TestAMoveIsFollowedWithinTheInterval
//	R27 a counter that wraps below zero
//	    counter.TestCounter
//	R28 interfaces beyond the first page
//	    procfs.TestR28NetDevOfManyPages kernfs.TestR28RecordsBeyondAPage
//	R29 the old cgroup's values after a move
//	    engine.TestAMoveIsFollowedWithinTheInterval engine.TestRealLimitsUsageAndChanges
//	R30 memory by smaps_rollup
//	    engine.TestR30NothingReadsSmaps
//	R31 Rosetta's page size
//	    - no test under Rosetta; page counts are multiplied by the kernel's own page size
//	R32 ticks of CPUs that wrap
//	    darwin.TestTickAccumulator
//	R33 bytes of interfaces cut to 32 bits
//	    darwin.TestNetworkWidensIfList2
//	R34 unlimited told by equality
//	    cgroup.TestParseLimit
//	R35 a marker of another runtime left behind
//	    environ.TestTraps
//	R36 CPUID leaves without the hypervisor's bit
//	    environ.TestCPUIDLeaves environ.TestTraps
package traps
